//! The histories: what each tool remembers of what it applied, read from its own tables. One module
//! per tool says what the table holds; the rest is common to all.
//!
//! Nothing here writes: another tool's table is only read.

mod batches;
mod catalog;
mod digest;
mod elsewhere;
mod files;
mod matching;
mod refusals;
mod session;
mod spelling;
#[cfg(test)]
mod tests;
mod time;
mod tool;
mod tools;
mod tracking;

use async_trait::async_trait;
use whimbrel_core::Error;
use whimbrel_core::diagnostic::unknown_name;
use whimbrel_core::driver::{Driver, DriverError};
use whimbrel_core::history::History;
use whimbrel_core::migration::Migration;
use whimbrel_core::rules::Condition;
use whimbrel_core::takeover::{Adoption, ForeignHistories, ForeignHistory, Lookout, Sighting};
use whimbrel_sql::Dialect;

use self::catalog::{Search, Table};
use self::tool::{Beside, Row, Schema, State, Tool, is_true};
use self::tools::TOOLS;
use self::tracking::TrackingTable;

/// The histories that Whimbrel can take over: of all tools, or of one.
#[derive(Clone, Default)]
pub struct Histories {
    tool: Option<&'static Tool>,
    table: Option<(Option<String>, String)>,
    /// Tables that a project's own files give another name, by their tools.
    renamed: Vec<(&'static str, String)>,
}

impl Histories {
    /// Those of all tools, under their usual names.
    pub fn all() -> Self {
        Self::default()
    }

    /// That of one tool, by its name in settings.
    ///
    /// # Errors
    /// There is no tool of that name; the message lists those that there are.
    pub fn from(mut self, name: &str) -> Result<Self, Error> {
        let tool = TOOLS.iter().find(|tool| tool.name == name);
        self.tool = Some(tool.copied().ok_or_else(|| {
            let names = Self::names();
            let problem = format!("`{name}` is no tool whose history Whimbrel reads");
            let all = format!("these are: {}", names.join(", "));
            Error::Settings(unknown_name(&problem, name, &names, &all))
        })?);
        Ok(self)
    }

    /// In a table of another name, which may have its schema before it: `schema.table`.
    pub fn table(mut self, name: &str) -> Self {
        self.table = Some(match name.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
            None => (None, name.to_owned()),
        });
        self
    }

    /// True if a tool or a table was named, so that its history must be there.
    pub fn is_named(&self) -> bool {
        self.tool.is_some() || self.table.is_some()
    }

    /// A tool's table has another name in this project; other tools' have their usual ones.
    pub fn renamed(mut self, tool: &'static str, table: impl Into<String>) -> Self {
        let table = table.into();
        // Engines disagree on what a backslash in a literal is, and no tool's table has one.
        if !table.contains('\\') {
            self.renamed.push((tool, table));
        }
        self
    }

    fn table_of<'t>(&'t self, tool: &'t Tool) -> &'t str {
        let own = self.renamed.iter().find(|(name, _)| *name == tool.name);
        own.map_or(tool.table, |(_, table)| table)
    }

    /// The names of all tools.
    pub fn names() -> Vec<&'static str> {
        TOOLS.iter().map(|tool| tool.name).collect()
    }

    fn tools(&self) -> impl Iterator<Item = &'static Tool> {
        let only = self.tool;
        let tools = TOOLS.iter().copied();
        tools.filter(move |tool| only.is_none_or(|only| std::ptr::eq(only, *tool)))
    }

    /// What is looked for; by marks as well, if histories under other names are.
    fn search(&self, dialect: Dialect, marked: bool) -> Search<'_> {
        let mut names: Vec<&str> = match &self.table {
            Some((_, table)) => vec![table],
            None => self.tools().map(|tool| self.table_of(tool)).collect(),
        };
        for tool in self.tools() {
            names.extend(tool.lock.map(|lock| lock.table));
            match tool.beside {
                Beside::With(table) | Beside::Without(table) => names.push(table),
                Beside::Any => {}
            }
        }
        let marks = self.tools().filter_map(|tool| tool.mark);
        Search {
            names,
            schemas: if marked {
                self.tools().filter_map(|tool| tool.schema.name()).collect()
            } else {
                self.schemas(dialect)
            },
            marks: marks.filter(|_| marked).collect(),
        }
    }

    /// Where histories are besides the places where the connection looks.
    fn schemas(&self, dialect: Dialect) -> Vec<&str> {
        if let Some((Some(schema), _)) = &self.table {
            return vec![schema];
        }
        if dialect == Dialect::Mysql && self.tool.is_none() {
            // There a schema is another database, which may be of another application.
            return Vec::new();
        }
        self.tools().filter_map(|tool| tool.schema.name()).collect()
    }

    /// The tables that are there and whose they are.
    async fn find(&self, driver: &mut dyn Driver) -> Result<Vec<Found>, DriverError> {
        let dialect = driver.dialect();
        let tables = catalog::tables(driver, &self.search(dialect, false)).await?;
        Ok(self.among(&tables, dialect))
    }

    fn among(&self, tables: &[Table], dialect: Dialect) -> Vec<Found> {
        let schemas = self.schemas(dialect);
        let is_placed = |table: &&Table| table.here || schemas.contains(&table.schema.as_str());
        let mut found = Vec::new();
        for tool in self.tools() {
            let placed = tables.iter().filter(is_placed);
            let own = placed.filter(|table| self.is_of(tool, table, tables));
            found.extend(own.map(|table| Found {
                tool,
                table: table.clone(),
                lock: lock_table(tool, table, tables).cloned(),
                by_schema: matches!(&self.table, Some((Some(_), _))),
            }));
        }
        found
    }

    fn is_of(&self, tool: &Tool, table: &Table, tables: &[Table]) -> bool {
        let named = if let Some((schema, name)) = &self.table {
            name.eq_ignore_ascii_case(&table.name)
                && schema.as_ref().is_none_or(|schema| *schema == table.schema)
        } else {
            let name = self.table_of(tool);
            name.eq_ignore_ascii_case(&table.name) && is_placed(tool, table)
        };
        let company = self.tool.is_some() || has_company(tool, table, tables);
        named && company && has_columns(tool, table)
    }

    /// The one that is meant.
    async fn the_one(&self, driver: &mut dyn Driver) -> Result<Found, Error> {
        let odd = |(_, table): &(Option<String>, String)| table.contains('\\');
        if self.table.as_ref().is_some_and(odd) {
            // Engines disagree on what a backslash in a literal is, and no tool's table has one.
            return Err(refusals::none(self, &[]));
        }
        let mut found = self.find(driver).await?;
        if self.table.is_some() {
            keep_closest(&mut found);
        }
        if found.len() > 1 {
            // Tables that were made and never used don't make it unclear.
            let mut used = Vec::new();
            for candidate in &found {
                used.push(!candidate.entries(driver).await?.is_empty());
            }
            if used.contains(&true) {
                let mut used = used.into_iter();
                found.retain(|_| used.next().unwrap_or_default());
            }
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 if self.table.is_some() => Err(refusals::none(self, &[])),
            0 => Err(refusals::none(self, &elsewhere::all(self, driver).await?)),
            _ => Err(refusals::several(&found)),
        }
    }
}

/// Tables beside it tell two tools apart.
fn has_company(tool: &Tool, table: &Table, tables: &[Table]) -> bool {
    let beside = |name: &str| {
        tables
            .iter()
            .any(|other| other.schema == table.schema && other.name.eq_ignore_ascii_case(name))
    };
    match tool.beside {
        Beside::Any => true,
        Beside::With(name) => beside(name),
        Beside::Without(name) => !beside(name),
    }
}

fn has_columns(tool: &Tool, table: &Table) -> bool {
    let mut columns = tool.columns.iter();
    columns.all(|column| !column.needed || table.column(column.name).is_some())
        && tool.unlike.iter().all(|name| table.column(name).is_none())
}

/// The schema that a tool makes for itself holds nothing of others.
fn is_placed(tool: &Tool, table: &Table) -> bool {
    let is_own = |other: &&Tool| matches!(other.schema, Schema::Own(name) if name == table.schema);
    let private = TOOLS.iter().any(is_own);
    match tool.schema {
        Schema::Own(schema) => schema == table.schema,
        _ => !private,
    }
}

fn lock_table<'t>(tool: &Tool, table: &Table, tables: &'t [Table]) -> Option<&'t Table> {
    let name = tool.lock?.table;
    tables
        .iter()
        .find(|other| other.schema == table.schema && other.name.eq_ignore_ascii_case(name))
}

/// A table of any name could be that of each tool that wants no more than some of its columns: it is that of
/// those that want most.
fn keep_closest(found: &mut Vec<Found>) {
    let needed = |found: &Found| found.tool.columns.iter().filter(|one| one.needed).count();
    let most = found.iter().map(needed).max();
    found.retain(|one| Some(needed(one)) == most);
}

/// A tool's table in a database.
struct Found {
    tool: &'static Tool,
    table: Table,
    lock: Option<Table>,
    /// Its schema was named.
    by_schema: bool,
}

impl Found {
    fn shown(&self) -> String {
        match self.tool.schema {
            Schema::Current if !self.by_schema => self.table.name.clone(),
            _ => format!("{}.{}", self.table.schema, self.table.name),
        }
    }

    async fn entries(&self, driver: &mut dyn Driver) -> Result<Vec<tool::Entry>, DriverError> {
        let select = spelling::select(driver.dialect(), self.tool, &self.table);
        let rows = driver.query(&select).await?;
        let rows: Vec<_> = rows
            .iter()
            .map(|values| Row {
                columns: self.tool.columns,
                values,
            })
            .collect();
        Ok((self.tool.read)(&rows))
    }

    /// Something was done here that did not come to nothing.
    fn sighting(&self, entries: &[tool::Entry]) -> Sighting {
        let applied = entries
            .iter()
            .filter(|entry| entry.state != State::RolledBack);
        // Each of them speaks for all before it.
        let at = entries
            .iter()
            .map(|entry| (entry.reach == tool::Reach::UpTo).then(|| entry.label()))
            .collect::<Option<Vec<_>>>();
        let failed = entries
            .iter()
            .find(|entry| matches!(entry.state, State::Failed(_)));
        Sighting {
            tool: self.tool.name.to_owned(),
            title: self.tool.title.to_owned(),
            table: self.shown(),
            migrations: applied.clone().count() as u64,
            at: at
                .filter(|_| !entries.is_empty())
                .map(|list| list.join(", ")),
            failed: failed.map(|entry| entry.label().to_owned()),
        }
    }

    /// The tool must not be at work meanwhile.
    async fn refuse_locked(&self, driver: &mut dyn Driver) -> Result<(), Error> {
        let (Some(table), Some(lock)) = (&self.lock, self.tool.lock) else {
            return Ok(());
        };
        let Some(select) = spelling::select_column(driver.dialect(), table, lock.column) else {
            return Ok(());
        };
        let rows = driver.query(&select).await?;
        let locked = rows.iter().flatten().flatten().any(|value| is_true(value));
        if !locked {
            return Ok(());
        }
        Err(refusals::locked(self, &table.name, lock))
    }
}

/// Those in which something was done.
async fn sightings(
    found: Vec<Found>,
    driver: &mut dyn Driver,
) -> Result<Vec<Sighting>, DriverError> {
    let mut seen = Vec::new();
    for found in found {
        let entries = found.entries(driver).await?;
        seen.push(found.sighting(&entries));
    }
    seen.retain(|sighting| sighting.migrations > 0);
    Ok(seen)
}

#[async_trait]
impl ForeignHistories for Histories {
    fn own_table(&self, script: &str, dialect: Dialect) -> Option<Condition> {
        tracking::condition(script, dialect)
    }

    async fn seen(&self, driver: &mut dyn Driver) -> Result<Vec<Sighting>, DriverError> {
        let found = self.find(driver).await?;
        sightings(found, driver).await
    }

    async fn look_out(
        &self,
        driver: &mut dyn Driver,
        migrations: &[Migration],
    ) -> Result<Lookout, DriverError> {
        let dialect = driver.dialect();
        let tables = catalog::tables(driver, &self.search(dialect, true)).await?;
        let seen = sightings(self.among(&tables, dialect), driver).await?;
        let elsewhere = if seen.is_empty() {
            elsewhere::of(self, &tables, driver, migrations).await?
        } else {
            Vec::new()
        };
        Ok(Lookout { seen, elsewhere })
    }

    async fn read(&self, driver: &mut dyn Driver) -> Result<Box<dyn ForeignHistory>, Error> {
        let found = self.the_one(driver).await?;
        found.refuse_locked(driver).await?;
        let in_use = elsewhere::schema_in_use(driver, &found).await?;
        let entries = found.entries(driver).await?;
        Ok(Box::new(Read {
            sighting: found.sighting(&entries),
            dialect: driver.dialect(),
            found,
            entries,
            in_use,
        }))
    }
}

/// A tool's table, read.
struct Read {
    found: Found,
    sighting: Sighting,
    dialect: Dialect,
    entries: Vec<tool::Entry>,
    /// The schema in which this connection works, if the tool's table is in another.
    in_use: Option<String>,
}

impl ForeignHistory for Read {
    fn adoption(&self, migrations: &[Migration], history: &History) -> Result<Adoption, Error> {
        let table = TrackingTable {
            name: &self.found.table.name,
            dialect: self.dialect,
        };
        let mut adoption = matching::adoption(
            self.found.tool,
            self.sighting.clone(),
            self.entries.clone(),
            migrations,
            history,
            table,
        )?;
        let warning = self.in_use.as_deref();
        let warning = warning.map(|schema| elsewhere::warning(&self.found, schema));
        adoption.warnings.extend(warning);
        Ok(adoption)
    }
}
