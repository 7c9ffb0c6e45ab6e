//! The values of the secrets that a bundle reads: named on the command line, never given on it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bundle::Archive;
use deploy_spec::{Fault, SecretNeed, SecretPath};
use env_pack::SecretBytes;
use machine::Sources;

use super::problems::Problems;
use crate::environment;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    File(PathBuf),
    Variable(String),
}

impl Given {
    /// `NAME=file:PATH` or `NAME=env:VARIABLE`, by name.
    pub(super) fn parse_all(words: &[String], problems: &mut Problems) -> BTreeMap<String, Self> {
        let mut given = BTreeMap::new();
        for word in words {
            match Self::parse(word) {
                Some((name, from)) => {
                    if given.insert(name.clone(), from).is_some() {
                        problems.add(Fault::invalid(format!("the secret `{name}` is given twice")));
                    }
                }
                // What was typed may be a value.
                None => problems.add(
                    Fault::invalid("a secret is given as NAME=file:PATH or NAME=env:VARIABLE")
                        .hint("--secret api_key=file:key.txt"),
                ),
            }
        }
        given
    }

    fn parse(word: &str) -> Option<(String, Self)> {
        let (name, from) = word.split_once('=')?;
        let from = match from.split_once(':')? {
            ("file", path) if !path.is_empty() => Self::File(path.into()),
            ("env", variable) if !variable.is_empty() => Self::Variable(variable.into()),
            _ => return None,
        };
        (!name.is_empty()).then(|| (name.to_owned(), from))
    }

    fn read(&self) -> Result<SecretBytes, Fault> {
        match self {
            Self::File(path) => env_pack::read_file(path),
            Self::Variable(name) => env_pack::read_variable(name, environment::variable(name)),
        }
    }
}

/// The values that are given, once it is known what the bundle reads. Every one that is missing is
/// noted, sorted by name.
pub(super) fn values(
    sources: &Sources,
    given: &BTreeMap<String, Given>,
    problems: &mut Problems,
) -> Option<Vec<(String, SecretBytes)>> {
    // That it is not there was noted before.
    let bundle = sources.bundle.as_deref().filter(|path| path.is_file())?;
    let archive = problems.keep(Archive::open(bundle))?;
    let manifest = archive.manifest();
    let needs: BTreeMap<&str, &SecretNeed> =
        manifest.secrets.iter().map(|need| (need.name.as_str(), need)).collect();
    for need in needs.values().filter(|need| need.required && !given.contains_key(&need.name)) {
        problems.add(missing(need));
    }
    for name in given.keys().filter(|name| !needs.contains_key(name.as_str())) {
        problems.add(Fault::invalid(format!("the bundle reads no secret `{name}`")));
    }
    let mut values = Vec::new();
    for (name, from) in given.iter().filter(|(name, _)| needs.contains_key(name.as_str())) {
        problems.keep(SecretPath::of_bundle(&manifest.bundle_id, name));
        values.extend(problems.keep(from.read()).map(|value| (name.clone(), value)));
    }
    Some(values)
}

fn missing(need: &SecretNeed) -> Fault {
    let name = &need.name;
    let what = need.description.as_ref().map_or_else(String::new, |what| format!(" ({what})"));
    Fault::invalid(format!("the bundle reads the secret `{name}`{what}, which is not given"))
        .at(format!("/secrets/{name}"))
        .hint(format!("--secret {name}=file:PATH or --secret {name}=env:VARIABLE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_with_where_it_is_and_a_value_is_never_repeated() {
        let words = ["b=env:KEY", "a=file:/x=y"].map(str::to_owned);
        let mut problems = Problems::default();
        let given = Given::parse_all(&words, &mut problems);
        assert_eq!(problems.report(), Ok(()));
        assert_eq!(given["a"], Given::File("/x=y".into()));
        assert_eq!(given["b"], Given::Variable("KEY".into()));
        for wrong in ["hunter2", "a=hunter2", "=file:hunter2", "a=file:", "a=is:hunter2"] {
            let mut problems = Problems::default();
            Given::parse_all(&[wrong.to_owned()], &mut problems);
            let fault = problems.report().unwrap_err();
            assert!(!fault.to_string().contains("hunter2"), "{fault}");
        }
        let mut problems = Problems::default();
        Given::parse_all(&["a=env:A".into(), "a=env:B".into()], &mut problems);
        assert!(problems.report().unwrap_err().message.contains("twice"));
    }
}
