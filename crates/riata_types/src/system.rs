//! The file system as ty sees it: files that no person writes are empty to it.

use std::any::Any;
use std::io::{Error, ErrorKind, Result};

use crate::encoding::decode;
use ruff_db::system::walk_directory::WalkDirectoryBuilder;
use ruff_db::system::{
    DirectoryEntry, Metadata, OsSystem, System, SystemPath, SystemPathBuf, SystemVirtualPath,
    WhichResult, WritableSystem,
};
use ruff_notebook::{Notebook, NotebookError};

/// In bytes. ty keeps an index of all that a file says: a generated one of ten megabytes takes ten gigabytes.
pub const LARGEST_FILE: usize = 2_000_000;

pub(crate) fn bounded(text: String) -> String {
    if text.len() > LARGEST_FILE {
        return String::new();
    }
    text
}

#[derive(Clone, Debug)]
pub(crate) struct Files(pub(crate) OsSystem);

impl System for Files {
    fn read_to_string(&self, path: &SystemPath) -> Result<String> {
        let is_python = matches!(path.extension(), Some("py" | "pyi" | "pyw"));
        if !is_python {
            return self.0.read_to_string(path);
        }
        let bytes = std::fs::read(path.as_std_path())?;
        decode(bytes)
            .map(|(text, _)| bounded(text))
            .map_err(|message| Error::new(ErrorKind::InvalidData, message))
    }

    // The rest is what the operating system says.

    fn path_metadata(&self, path: &SystemPath) -> Result<Metadata> {
        self.0.path_metadata(path)
    }

    fn canonicalize_path(&self, path: &SystemPath) -> Result<SystemPathBuf> {
        self.0.canonicalize_path(path)
    }

    fn is_same_file(&self, first: &SystemPath, second: &SystemPath) -> Result<bool> {
        self.0.is_same_file(first, second)
    }

    fn which(&self, binary_name: &str) -> WhichResult {
        self.0.which(binary_name)
    }

    fn read_to_notebook(&self, path: &SystemPath) -> std::result::Result<Notebook, NotebookError> {
        self.0.read_to_notebook(path)
    }

    fn read_virtual_path_to_string(&self, path: &SystemVirtualPath) -> Result<String> {
        self.0.read_virtual_path_to_string(path)
    }

    fn read_virtual_path_to_notebook(
        &self,
        path: &SystemVirtualPath,
    ) -> std::result::Result<Notebook, NotebookError> {
        self.0.read_virtual_path_to_notebook(path)
    }

    fn current_directory(&self) -> &SystemPath {
        self.0.current_directory()
    }

    fn user_config_directory(&self) -> Option<SystemPathBuf> {
        self.0.user_config_directory()
    }

    fn cache_dir(&self) -> Option<SystemPathBuf> {
        self.0.cache_dir()
    }

    fn read_directory<'a>(
        &'a self,
        path: &SystemPath,
    ) -> Result<Box<dyn Iterator<Item = Result<DirectoryEntry>> + 'a>> {
        self.0.read_directory(path)
    }

    fn walk_directory(&self, path: &SystemPath) -> WalkDirectoryBuilder {
        self.0.walk_directory(path)
    }

    fn as_writable(&self) -> Option<&dyn WritableSystem> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn dyn_clone(&self) -> Box<dyn System> {
        Box::new(self.clone())
    }
}
