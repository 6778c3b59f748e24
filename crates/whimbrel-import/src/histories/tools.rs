//! The tools, each with its table.

mod alembic;
mod drizzle;
mod flyway;
mod golang_migrate;
mod goose;
mod graphile_migrate;
mod homemade;
mod liquibase;
mod names;
mod prisma;
mod refinery;
mod sqitch;
mod sqlx;
mod versions;
mod yoyo;

use super::tool::Tool;

/// All of them. Where two fit one table, neither comes first: the caller is asked.
pub(super) static TOOLS: [&Tool; 25] = [
    &flyway::FLYWAY,
    &golang_migrate::GOLANG_MIGRATE,
    &versions::DBMATE,
    &versions::RAILS,
    &goose::GOOSE,
    &sqlx::SQLX,
    &versions::DIESEL,
    &refinery::REFINERY,
    &prisma::PRISMA,
    &drizzle::DRIZZLE,
    &versions::SUPABASE,
    &names::WRANGLER,
    &names::KNEX,
    &names::KYSELY,
    &names::NODE_PG_MIGRATE,
    &names::SQL_MIGRATE,
    &graphile_migrate::GRAPHILE_MIGRATE,
    &names::LARAVEL,
    &liquibase::LIQUIBASE,
    &sqitch::SQITCH,
    &alembic::ALEMBIC,
    &yoyo::YOYO,
    &homemade::WITH_STATUS,
    &homemade::WITH_BATCHES,
    &homemade::WITH_NAMES,
];
