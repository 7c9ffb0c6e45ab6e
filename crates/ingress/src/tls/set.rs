//! Which certificate is for which name. Pure.

use std::collections::HashMap;

/// Looks names up; what it gives is an index of certificates.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// None for a name whose certificate is still awaited.
    exact: HashMap<String, Option<usize>>,
    /// By what is behind `*.`.
    wildcard: HashMap<String, usize>,
    /// The one for who asks for a name that no other is for.
    first: Option<usize>,
}

impl Names {
    /// Of two certificates with a name the first has it. Those that are awaited are nobody's who is
    /// not among the certificates.
    pub(super) fn new<'a>(
        certificates: impl Iterator<Item = &'a [String]>,
        awaited: impl Iterator<Item = &'a String>,
    ) -> Self {
        let mut names = Self::default();
        for (index, certificate) in certificates.enumerate() {
            names.first.get_or_insert(index);
            for name in certificate {
                if let Some(parent) = name.strip_prefix("*.") {
                    names.wildcard.entry(parent.to_owned()).or_insert(index);
                } else {
                    names.exact.entry(name.clone()).or_insert(Some(index));
                }
            }
        }
        for name in awaited {
            names.exact.entry(name.clone()).or_insert(None);
        }
        names
    }

    /// The certificate for `name`, which is in lower case and without a dot at its end; the first
    /// one of all where no other is. None where there is none, or one of its own is awaited.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied().unwrap_or_else(|| self.by_wildcard(name).or(self.first))
    }

    /// Whether a certificate is for `name` in particular.
    pub(super) fn has(&self, name: &str) -> bool {
        self.exact.get(name).is_some_and(Option::is_some) || self.by_wildcard(name).is_some()
    }

    /// A wildcard stands for exactly one label (RFC 6125 §6.4.3).
    fn by_wildcard(&self, name: &str) -> Option<usize> {
        let (_, parent) = name.split_once('.')?;
        self.wildcard.get(parent).copied()
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
        let awaited = ["new.test", "a.test", "x.b.a.test"].map(str::to_owned);
        let names = Names::new(owned.iter().map(Vec::as_slice), awaited.iter());
        for (name, index) in [
            ("default.test", 0),
            ("a.test", 1),
            ("x.a.test", 1),
            ("b.a.test", 2),
            ("y.b.a.test", 3),
            ("x.x.a.test", 0),
            ("a.test.", 0),
            (".a.test", 1),
            ("unknown.test", 0),
            ("test", 0),
            ("", 0),
        ] {
            assert_eq!(names.find(name), Some(index), "{name}");
        }
        for name in ["new.test", "x.b.a.test"] {
            assert_eq!(names.find(name), None, "{name} has one of its own, which is not there yet");
        }
        let has = ["default.test", "x.a.test", "new.test", "unknown.test"].map(|it| names.has(it));
        assert_eq!(has, [true, true, false, false]);
    }

    #[test]
    fn where_there_is_no_certificate_there_is_none_for_anybody() {
        let names = Names::new(std::iter::empty(), ["new.test".to_owned()].iter());
        assert_eq!([names.find("new.test"), names.find("unknown.test"), names.find("")], [None; 3]);
    }
}
