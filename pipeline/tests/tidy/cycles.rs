//! Import cycles: no two files import each other, directly or in a circle, and no two modules of one folder do.
//!
//! Reads `use` trees and qualified paths as text, follows re-exports to the file that defines the name, and skips
//! comments and test code. A re-export (`pub use`) is a name for something below and is not an import.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, without_tests_and_comments};

/// A module's path below its crate, `["run", "lane"]` for `run/lane/mod.rs` and for `run/lane.rs`.
type Module = Vec<String>;

/// Names that one file takes from another: importer, imported, name.
type Import = (String, String, String);

/// The groups of files, and of sibling modules, that import each other: one text for each group.
pub(crate) fn groups(root: &str, sources: &[Source]) -> Vec<String> {
    let house = House::new(root, sources);
    let imports = house.imports();
    let mut found = circles(&imports, |file| Some(file.to_owned()));
    for folder in house.folders() {
        found.extend(circles(&imports, |file| child_of(&folder, file)));
    }
    found
}

/// The child of `folder` in which a file lies; none for the folder's own `mod.rs` and for files elsewhere.
fn child_of(folder: &str, file: &str) -> Option<String> {
    let below = if folder.is_empty() { file } else { file.strip_prefix(folder)?.strip_prefix('/')? };
    let child = below.split('/').next()?.trim_end_matches(".rs");
    (!["mod", "lib", "main"].contains(&child)).then(|| format!("{folder}/{child}"))
}

struct House {
    files: BTreeMap<Module, String>,
    tokens: BTreeMap<Module, Vec<String>>,
    /// Where a re-exported name really is.
    exports: BTreeMap<(Module, String), Module>,
}

impl House {
    fn new(root: &str, sources: &[Source]) -> Self {
        let (mut files, mut tokens) = (BTreeMap::new(), BTreeMap::new());
        for source in sources.iter().filter(|source| !source.is_test()) {
            let path = source.below(root);
            let module = module_of(&path);
            tokens.insert(module.clone(), tokens_of(&without_tests_and_comments(&source.text)));
            files.insert(module, path);
        }
        let mut house = Self { files, tokens, exports: BTreeMap::new() };
        let mut exports = BTreeMap::new();
        for (module, tokens) in &house.tokens {
            for (is_public, path) in uses(tokens) {
                if let Some(path) = house.absolute(module, &path).filter(|_| is_public) {
                    exports.insert((module.clone(), path.last().cloned().unwrap_or_default()), path);
                }
            }
        }
        house.exports = exports;
        house
    }

    /// Every folder, the root too.
    fn folders(&self) -> BTreeSet<String> {
        let above =
            |path: &String| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        self.files.values().flat_map(above).chain([String::new()]).collect()
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (module, tokens) in &self.tokens {
            let used: Vec<Module> = uses(tokens)
                .into_iter()
                .filter(|(is_public, _)| !is_public)
                .filter_map(|(_, path)| self.absolute(module, &path))
                .collect();
            let mentioned = mentions(tokens).into_iter().filter_map(|path| {
                let alias =
                    used.iter().find(|one| self.files.contains_key(*one) && one.last() == path.first());
                self.absolute(module, &path).or_else(|| Some([alias?.as_slice(), &path[1..]].concat()))
            });
            for path in used.iter().cloned().chain(mentioned) {
                // The name of a module alone imports nothing yet: what is taken from it is a path of its own.
                let is_module = self.files.contains_key(&path);
                let (from, to) = (&self.files[module], self.definer(&path, 0));
                if !is_module && to != *from {
                    imports.push((from.clone(), to, path.last().cloned().unwrap_or_default()));
                }
            }
        }
        imports
    }

    /// A path from the crate's root; none if it leaves the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat())
            }
            first => {
                let child = [module.as_slice(), &[first.to_owned()]].concat();
                self.files.contains_key(&child).then(|| [module.as_slice(), path].concat())
            }
        }
    }

    /// The file that defines a name: the longest module of its path, behind re-exports.
    fn definer(&self, path: &[String], depth: usize) -> String {
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]));
        let (module, rest) = path.split_at(length.unwrap_or(0));
        let export = rest.first().and_then(|name| self.exports.get(&(module.to_vec(), name.clone())));
        match export {
            Some(export) if depth < 8 && export.as_slice() != path => {
                self.definer(&[export.as_slice(), &rest[1..]].concat(), depth + 1)
            }
            _ => self.files.get(module).cloned().unwrap_or_default(),
        }
    }
}

fn module_of(path: &str) -> Module {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// Groups of nodes that reach each other, each with the imports that tie it.
fn circles(imports: &[Import], node: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut edges: BTreeMap<String, BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    for (from, to, name) in imports {
        if let (Some(from), Some(to)) = (node(from), node(to))
            && from != to
        {
            edges.entry(from).or_default().entry(to).or_default().insert(name);
        }
    }
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|start| (start, reachable(start, &edges))).collect();
    let mut groups: BTreeSet<Vec<&String>> = BTreeSet::new();
    for (start, ends) in &reached {
        let group: Vec<&String> = ends
            .iter()
            .filter(|end| reached.get(*end).is_some_and(|back| back.contains(start)))
            .copied()
            .collect();
        if !group.is_empty() {
            groups.insert(group);
        }
    }
    groups.iter().map(|group| describe(group, &edges)).collect()
}

type Edges<'a> = BTreeMap<String, BTreeMap<String, BTreeSet<&'a str>>>;

fn reachable<'a>(start: &str, edges: &'a Edges<'_>) -> BTreeSet<&'a String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(one) = open.pop() {
        for next in edges.get(&one).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next) {
                open.push(next.clone());
            }
        }
    }
    found
}

fn describe(group: &[&String], edges: &Edges<'_>) -> String {
    let mut text = format!("{} modules import each other:", group.len());
    for from in group {
        for (to, names) in edges.get(*from).into_iter().flatten().filter(|(to, _)| group.contains(to)) {
            let names: Vec<&str> = names.iter().copied().collect();
            text.extend(["\n    ", from, " -> ", to, ": ", &names.join(", ")]);
        }
    }
    text
}

/// Words, `::` and single signs.
fn tokens_of(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            let mut word = String::from(letter);
            while let Some(more) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(more);
            }
            tokens.push(word);
        } else if letter == ':' && letters.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !letter.is_whitespace() {
            tokens.push(letter.to_string());
        }
    }
    tokens
}

/// The paths of all `use` items, and whether they are re-exports.
fn uses(tokens: &[String]) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| *token == "use") {
        let is_public = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
        let end = tokens[at..].iter().position(|token| token == ";").map_or(tokens.len(), |end| at + end);
        let mut paths = Vec::new();
        use_tree(&tokens[at + 1..end], &[], &mut paths);
        found.extend(paths.into_iter().map(|path| (is_public, path)));
    }
    found
}

/// Reads one tree of a `use` item, and what follows its comma; returns how many tokens belong to it.
fn use_tree(tokens: &[String], prefix: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at, mut is_group, mut is_renamed) = (prefix.to_vec(), 0, false, false);
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    at += use_tree(&tokens[at..], &path, out);
                }
                is_group = true;
            }
            "}" => break,
            "," => {
                at += 1;
                break;
            }
            "as" => is_renamed = true,
            "::" => {}
            _ if is_renamed => {}
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if !is_group && path.len() > prefix.len().min(path.len().saturating_sub(1)) {
        out.push(path);
    }
    at
}

/// Qualified paths outside `use` items: `crate::run::x`, `reader::read`.
fn mentions(tokens: &[String]) -> Vec<Vec<String>> {
    let (mut found, mut at, mut in_use) = (Vec::new(), 0, false);
    while at < tokens.len() {
        in_use = tokens[at] == "use" || in_use && tokens[at] != ";";
        let begins = !in_use && is_word(&tokens[at]) && (at == 0 || tokens[at - 1] != "::");
        let mut path = vec![tokens[at].clone()];
        while begins
            && tokens.get(at + 1).is_some_and(|sign| sign == "::")
            && tokens.get(at + 2).is_some_and(|word| is_word(word))
        {
            path.push(tokens[at + 2].clone());
            at += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        at += 1;
    }
    found
}

fn is_word(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}
