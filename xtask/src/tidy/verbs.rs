//! Every verb of `control` has the schema of its answers among the generated files.

use super::finding::Finding;
use crate::generate;
use crate::house::File;

/// The verbs that no schema describes.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let described = generate::fresh();
    undescribed(files, |name| described.contains_key(&format!("docs/schemas/answers/{name}")))
}

fn undescribed(files: &[File], is_described: impl Fn(&str) -> bool) -> Vec<Finding> {
    let rules = files.iter().filter(|f| f.path.starts_with("crates/control/src/") && f.is_rust());
    let verbs = rules.filter(|file| file.text.contains("impl Verb for "));
    let silent = verbs.filter(|file| {
        let named = constant(&file.text, "NOUN").zip(constant(&file.text, "OP"));
        !named.is_some_and(|(noun, op)| is_described(&generate::answers_name(noun, op)))
    });
    silent
        .map(|file| {
            Finding::file(&file.path, "is a verb that xtask/src/generate/schemas.rs does not list")
        })
        .collect()
}

fn constant<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("const {name}: &'static str = \""))?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::super::finding::file;
    use super::*;

    #[test]
    fn a_verb_without_a_schema_is_found() {
        let verb = "impl Verb for Add {\n    const NOUN: &'static str = \"bundles\";\n    \
                    const OP: &'static str = \"add\";\n";
        let files = [file("crates/control/src/bundles/add.rs", verb)];
        assert!(undescribed(&files, |name| name == "bundles-add.json").is_empty());
        assert_eq!(undescribed(&files, |_| false).len(), 1);
    }
}
