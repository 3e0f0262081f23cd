//! What the configuration of pytest around a test says of async tests.

use std::path::Path;

/// What the nearest configuration says, as far as rules ask.
#[derive(Debug, Default)]
pub(crate) struct Config {
    text: String,
}

impl Config {
    /// The configuration for tests in a folder: of the nearest folders above that have any, with the `conftest.py` files on the way.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut text = String::new();
        for folder in folder.ancestors().take(8) {
            let mut is_root = folder.join(".git").exists();
            for name in ["conftest.py", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"] {
                if let Ok(found) = std::fs::read_to_string(folder.join(name)) {
                    text.push_str(&found);
                    text.push('\n');
                    is_root |= name == "pyproject.toml" || name == "pytest.ini";
                }
            }
            if is_root {
                break;
            }
        }
        Self { text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether async tests without a marker may be run: `asyncio_mode = auto`, a hook, another plugin.
    pub(crate) fn runs_async(&self) -> bool {
        let text: String = self.text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
        text.contains("asyncio_mode=auto")
            || text.contains("asyncio-mode=auto")
            || text.contains("pytest_collection_modifyitems")
            || text.contains("pytest_pyfunc_call")
            || text.contains("anyio_mode=auto")
            || text.contains("trio_mode=true")
            || text.contains("pytest-aiohttp")
            || text.contains("tornasync")
    }

    /// Whether the loops of tests or fixtures are set for all.
    pub(crate) fn sets_loop_scope(&self) -> bool {
        self.text.contains("loop_scope") || self.text.contains("def event_loop")
    }
}
