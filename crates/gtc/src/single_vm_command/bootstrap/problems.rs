//! All that is wrong, told at once.

use deploy_spec::{Fault, Kind};
use serde_json::{Value, json};

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Fault>);

impl Problems {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn extend(&mut self, faults: Vec<Fault>) {
        self.0.extend(faults);
    }

    /// What was made, or its failure noted.
    pub(super) fn keep<T>(&mut self, made: Result<T, Fault>) -> Option<T> {
        made.map_err(|fault| self.add(fault)).ok()
    }

    /// One failure of all that was noted, in the order in which it was.
    ///
    /// # Errors
    /// Of the kind that all of them have, or `invalid-input`.
    pub(super) fn report(self) -> Result<(), Fault> {
        let faults = self.0;
        let Some(first) = faults.first() else { return Ok(()) };
        if faults.len() == 1 {
            return Err(first.clone());
        }
        let is_same = faults.iter().all(|fault| fault.kind == first.kind);
        let kind = if is_same { first.kind } else { Kind::InvalidInput };
        let lines: String = faults.iter().map(line).collect();
        let count = faults.len();
        let all: Vec<Value> = faults
            .iter()
            .map(|fault| {
                let Fault { kind, message, hint, details } = fault;
                json!({"kind": kind, "message": message, "hint": hint, "details": details})
            })
            .collect();
        Err(Fault::new(kind, format!("nothing was begun, for {count} reasons:{lines}"))
            .detail("problems", all))
    }
}

fn line(fault: &Fault) -> String {
    let message = fault.message.replace('\n', "\n  ");
    match &fault.hint {
        Some(hint) => format!("\n  {message}; {hint}"),
        None => format!("\n  {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_as_it_is_and_several_together() {
        assert_eq!(Problems::default().report(), Ok(()));
        let one = Fault::not_found("there is no a").hint("make a");
        let mut problems = Problems::default();
        assert_eq!(problems.keep::<()>(Err(one.clone())), None);
        assert_eq!(problems.report(), Err(one.clone()));
        let both = Problems(vec![one, Fault::invalid("b is wrong")]).report().unwrap_err();
        assert_eq!(both.kind, Kind::InvalidInput);
        assert_eq!(
            both.message,
            "nothing was begun, for 2 reasons:\n  there is no a; make a\n  b is wrong"
        );
        assert_eq!(both.details["problems"][0]["kind"], "not-found");
    }
}
