//! Which certificate is for which name. Pure.

use std::collections::HashMap;

/// Looks names up; what it gives is an index of certificates.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<String, usize>,
    /// By what is behind `*.`.
    wildcard: HashMap<String, usize>,
}

impl Names {
    /// Of two certificates with a name the first has it.
    pub(super) fn new<'a>(certificates: impl Iterator<Item = &'a [String]>) -> Self {
        let mut names = Self::default();
        for (index, certificate) in certificates.enumerate() {
            for name in certificate {
                match name.strip_prefix("*.") {
                    Some(parent) => names.wildcard.entry(parent.to_owned()).or_insert(index),
                    None => names.exact.entry(name.clone()).or_insert(index),
                };
            }
        }
        names
    }

    /// The certificate for `name`, which is in lower case and without a dot at its end; the first
    /// one of all where no other is. A wildcard stands for exactly one label (RFC 6125 §6.4.3).
    pub(super) fn find(&self, name: &str) -> usize {
        let exact = self.exact.get(name);
        let found = exact.or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.wildcard.get(parent)
        });
        found.copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_name_is_found_exactly_then_by_one_label_and_else_it_is_the_first() {
        let certificates = [
            &["default.test"][..],
            &["a.test", "*.a.test"],
            &["b.a.test", "a.test"],
            &["*.b.a.test"],
        ];
        let owned = certificates.map(|names| names.iter().map(ToString::to_string).collect());
        let names = Names::new(owned.iter().map(Vec::as_slice));
        for (name, index) in [
            ("default.test", 0),
            ("a.test", 1),
            ("x.a.test", 1),
            ("b.a.test", 2),
            ("x.b.a.test", 3),
            ("x.x.a.test", 0),
            ("a.test.", 0),
            (".a.test", 1),
            ("unknown.test", 0),
            ("test", 0),
            ("", 0),
        ] {
            assert_eq!(names.find(name), index, "{name}");
        }
    }
}
