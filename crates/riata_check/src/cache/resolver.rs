//! The files that an import may read, as far as they are part of the project.
//!
//! It names all that the rules of imports let come into question: what is not known to be another file's business is taken
//! for a dependency.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

type Entries = FxHashSet<String>;

pub(super) struct Resolver {
    roots: Vec<PathBuf>,
    /// Folders above this one are not looked at for a file's neighbours.
    top: PathBuf,
    /// The names in folders that were looked at.
    folders: RefCell<FxHashMap<PathBuf, Option<std::rc::Rc<Entries>>>>,
    found: RefCell<FxHashMap<(PathBuf, String), Vec<PathBuf>>>,
}

impl Resolver {
    pub(super) fn new(roots: Vec<PathBuf>, top: PathBuf) -> Self {
        Self { roots, top, folders: RefCell::default(), found: RefCell::default() }
    }

    /// What `import` in a file may read for a name, with dots in front where it is relative.
    pub(super) fn resolve(&self, file: &Path, name: &str, found: &mut Vec<PathBuf>) {
        let rest = name.trim_start_matches('.');
        let folder = file.parent().unwrap_or(file);
        let level = name.len() - rest.len();
        if level > 0 {
            if let Some(base) = folder.ancestors().nth(level - 1) {
                self.package(base, found);
                self.below(base, rest, found);
            }
            return;
        }
        // Types look beside a file for what they find nowhere else.
        for above in folder.ancestors().take_while(|above| above.starts_with(&self.top)) {
            if !self.roots.iter().any(|root| root == above) {
                self.below(above, name, found);
            }
        }
        self.absolute(name, found);
    }

    pub(super) fn absolute(&self, name: &str, found: &mut Vec<PathBuf>) {
        for root in &self.roots {
            self.below(root, name, found);
        }
    }

    fn below(&self, base: &Path, name: &str, found: &mut Vec<PathBuf>) {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        let Some(entries) = self.entries(base) else { return };
        if first.is_empty() {
            return;
        }
        let mut stubs = String::with_capacity(first.len() + 6);
        stubs.push_str(first);
        let has_folder = entries.contains(first);
        stubs.push_str("-stubs");
        if entries.contains(&stubs) {
            self.walk(base, &format!("{stubs}.{rest}"), found);
        }
        stubs.truncate(first.len());
        stubs.push_str(".py");
        if has_folder || entries.contains(&stubs) || entries.contains({ stubs.push('i'); &*stubs }) {
            self.walk(base, name, found);
        }
    }

    fn walk(&self, base: &Path, name: &str, found: &mut Vec<PathBuf>) {
        let key = (base.to_path_buf(), name.to_owned());
        if let Some(known) = self.found.borrow().get(&key) {
            found.extend_from_slice(known);
            return;
        }
        let mut all = Vec::new();
        let mut folder = base.to_path_buf();
        for part in name.split('.') {
            let Some(entries) = self.entries(&folder) else { break };
            for suffix in ["py", "pyi"] {
                let file = format!("{part}.{suffix}");
                if entries.contains(&file) {
                    all.push(folder.join(file));
                }
            }
            if !entries.contains(part) {
                break;
            }
            folder.push(part);
            self.package(&folder, &mut all);
        }
        found.extend_from_slice(&all);
        self.found.borrow_mut().insert(key, all);
    }

    fn package(&self, folder: &Path, found: &mut Vec<PathBuf>) {
        if let Some(entries) = self.entries(folder) {
            for file in ["__init__.py", "__init__.pyi"] {
                if entries.contains(file) {
                    found.push(folder.join(file));
                }
            }
        }
    }

    fn entries(&self, folder: &Path) -> Option<std::rc::Rc<Entries>> {
        if let Some(known) = self.folders.borrow().get(folder) {
            return known.clone();
        }
        let entries = std::fs::read_dir(folder).ok().map(|entries| {
            let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
            std::rc::Rc::new(names.collect())
        });
        self.folders.borrow_mut().insert(folder.to_path_buf(), entries.clone());
        entries
    }
}
