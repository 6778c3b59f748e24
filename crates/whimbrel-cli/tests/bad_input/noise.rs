//! Noise as migrations, settings and URLs.

use super::binary::told;
use super::{Project, refused};

/// Bytes that depend on the number alone (xorshift).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// The same, of characters that such files are made of.
fn scraps(seed: u64, length: usize) -> Vec<u8> {
    const SCRAPS: &[&str] = &[
        "CREATE ",
        "TABLE ",
        "a",
        "(",
        ")",
        ";",
        "'",
        "\"",
        "$$",
        "$x$",
        "--",
        "/*",
        "*/",
        "\n",
        "BEGIN",
        " ",
        "-- Rollback\n",
        "-- Transaction: ",
        "\\",
        "E'",
        "COPY t FROM STDIN;\n",
        "\\.\n",
        "END",
        "[",
        "]",
        "=",
        "${",
        "}",
        "url",
        "\u{e9}",
    ];
    let places = noise(seed, length);
    places
        .iter()
        .flat_map(|&byte| SCRAPS[usize::from(byte) % SCRAPS.len()].bytes())
        .collect()
}

#[test]
fn noise_as_migrations() {
    for seed in 0..40 {
        let project = Project::new();
        let bytes = if seed % 2 == 0 {
            noise(seed, 400)
        } else {
            scraps(seed, 60)
        };
        project.write("migrations/001_noise.sql", &bytes);
        let output = project.run(&["up"]);
        let text = told(&output);
        assert!(
            matches!(output.status.code(), Some(0..=9)),
            "seed {seed}: {:?}: {text}",
            output.status
        );
        assert!(!text.contains("panicked"), "seed {seed}: {text}");
        assert!(
            matches!(project.run(&["status"]).status.code(), Some(0..=9)),
            "seed {seed}"
        );
    }
}

#[test]
fn noise_as_settings() {
    for seed in 0..40 {
        let project = Project::new();
        let bytes = if seed % 2 == 0 {
            noise(seed, 200)
        } else {
            scraps(seed, 40)
        };
        project.write("whimbrel.toml", &bytes);
        let output = project.run(&["status"]);
        assert!(
            !told(&output).contains("panicked"),
            "seed {seed}: {}",
            told(&output)
        );
        assert!(
            matches!(output.status.code(), Some(0..=9)),
            "seed {seed}: {}",
            told(&output)
        );
    }
}

#[test]
fn noise_as_urls_never_shows_its_password() {
    let shapes = [
        "postgres://u:hunter2@[::1/x",
        "postgres://u:hunter2@127.0.0.1:99999/x",
        "postgres://u:hunter2@",
        "mysql://u:hunter2@:x/y",
        "postgres://u:hun%ter2%zz@127.0.0.1:1/x",
        "postgres:u:hunter2",
        "://u:hunter2@h",
        "postgres://u:hunter2@h/x?sslmode=what",
        "mysql://u:hunter2@127.0.0.1:1/x?ssl-mode=1",
        "sqlite://u:hunter2@/\u{0}x",
        "d1://u:hunter2@h",
        "postgres://u:hunter2@127.0.0.1:1/x",
        "host=127.0.0.1 port=1 password=hunter2 dbname='x",
        "foo://u:hunter2@127.0.0.1/x",
    ];
    for shape in shapes {
        let project = Project::new();
        project.write("migrations/001_a.sql", "SELECT 1;");
        let output = project.run(&["up", "--url", &shape.replace('\u{0}', "")]);
        refused(&output);
        let text = told(&output);
        assert!(
            !text.contains("hunter2") && !text.contains("ter2"),
            "{shape}: {text}"
        );
    }
}
