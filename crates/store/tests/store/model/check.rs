//! Whether what the workers were answered is what one process would have been answered that did
//! one command after another, and whether the store is what it would then have left.
//!
//! The audit log says in which order. Each call has a moment between the two at which the parent
//! asked and was answered (or saw the worker dead): the order must respect them, so a call that
//! was answered before another was asked comes before it. What leaves no line in the log must
//! still have been true at some moment of its call.

use std::collections::BTreeMap;

use control::{Decision, Key, Memory, Reply, Transaction, View as _};
use deploy_spec::{AuditEvent, Digest, EventId, document};
use serde_json::json;

use super::laws;
use super::worker::Answer;
use crate::plan::Plan;
use crate::world::{local, same};

/// What the parent knows of one thing that it asked.
#[derive(Debug)]
pub(crate) struct Call {
    /// None: somebody only looked.
    pub(crate) plan: Option<Plan>,
    /// Before it was asked, and after it was answered or its worker was dead. No two are the same.
    pub(crate) asked_at: u64,
    pub(crate) ended_at: u64,
    /// None: the worker was killed.
    pub(crate) answer: Option<Answer>,
}

/// The model, as far as the log was followed.
pub(crate) struct Checker {
    pub(crate) model: Memory,
    /// How many lines of the log were followed.
    lines: usize,
    /// What each key was first answered, and to what (law 7).
    first: BTreeMap<String, (Digest, Reply)>,
    /// The records that each commit changed; the first commit is the first.
    pub(crate) keys: Vec<Vec<Key>>,
    /// How often each verb was asked, and how often it changed something.
    pub(crate) asked: BTreeMap<String, usize>,
    pub(crate) changed: BTreeMap<String, usize>,
    /// What the calls that were killed came to: done, and not done.
    pub(crate) killed: (usize, usize),
}

impl Checker {
    pub(crate) fn new() -> Self {
        Self {
            model: Memory::new(local()),
            lines: 0,
            first: BTreeMap::new(),
            keys: Vec::new(),
            asked: BTreeMap::new(),
            changed: BTreeMap::new(),
            killed: (0, 0),
        }
    }

    /// Follows the log through everything that was asked since it was last followed.
    pub(crate) fn follow(&mut self, calls: &[Call], log: &[AuditEvent]) {
        assert!(log.len() >= self.lines, "the log lost lines");
        let events = &log[self.lines..];
        self.lines = log.len();
        let order = order(calls, events);
        let mut waiting = unlogged(calls, &order);
        self.place(&mut waiting, 0);
        for (i, (call, event)) in order.iter().zip(events).enumerate() {
            self.step(call, event);
            self.place(&mut waiting, i + 1);
        }
        if let Some(lost) = waiting.first() {
            panic!(
                "at no moment from {} to {} was this the answer: {:#?}",
                lost.from, lost.to, lost.call
            );
        }
        let lost = calls.iter().filter(|call| call.answer.is_none()).count();
        let done = order.iter().filter(|call| call.answer.is_none()).count();
        self.killed = (self.killed.0 + done, self.killed.1 + lost - done);
        for call in calls {
            self.remembers(call);
            if let Some(plan) = &call.plan {
                *self.asked.entry(plan.verb.clone()).or_default() += 1;
            }
        }
    }

    /// The model does what the log says that the store did.
    fn step(&mut self, call: &Call, event: &AuditEvent) {
        let plan = call.plan.as_ref().unwrap();
        let answer = match plan.command().decide(&self.model) {
            Ok(Decision { reply, transaction }) => {
                let transaction = transaction
                    .unwrap_or_else(|| panic!("the log tells of {call:#?}, which changes nothing"));
                assert_eq!(unchained(event), transaction.audit, "{call:#?}");
                was_right(plan, &transaction);
                let before = self.model.clone();
                self.model.apply(&transaction.changes);
                laws::hold(&before, &transaction, &self.model);
                self.keys.push(transaction.changes.iter().map(|c| c.key().clone()).collect());
                *self.changed.entry(plan.verb.clone()).or_default() += 1;
                Answer::Done { reply, sequence: Some(self.model.sequence()) }
            }
            Err(rejection) => {
                assert_eq!(unchained(event), rejection.audit, "{call:#?}");
                Answer::Failed(rejection.fault)
            }
        };
        if let Some(given) = &call.answer {
            assert_eq!(*given, answer, "{plan:#?}");
        }
    }

    /// Takes out of `waiting` whose answer is true after `lines` of the log.
    fn place(&self, waiting: &mut Vec<Waiting<'_>>, lines: usize) {
        let mut i = 0;
        while i < waiting.len() {
            let Waiting { call, from, to } = &waiting[i];
            let is_in = (*from..=*to).contains(&lines);
            // Whoever ended before this one was asked has its place before it.
            let is_next = waiting[..i].iter().all(|other| other.call.ended_at > call.asked_at);
            if is_in && is_next && self.is_true(call) {
                waiting.remove(i);
            } else {
                i += 1;
            }
        }
    }

    /// Whether this is answered now, and leaves no trace.
    fn is_true(&self, call: &Call) -> bool {
        let given = call.answer.as_ref().unwrap();
        let Some(plan) = &call.plan else { return *given == Answer::seen(&self.model) };
        match plan.command().decide(&self.model) {
            Ok(Decision { reply, transaction: None }) => {
                *given == Answer::Done { reply, sequence: None }
            }
            Ok(_) => false,
            // Nothing is made for a command that would be refused anyway.
            Err(rejection) => {
                self.model.sequence() == 0 && *given == Answer::Failed(rejection.fault)
            }
        }
    }

    /// Law 7, once more and without asking the model: one key has one body and one answer.
    fn remembers(&mut self, call: &Call) {
        let Call { plan: Some(plan), answer: Some(Answer::Done { reply, .. }), .. } = call else {
            return;
        };
        let Some(key) = plan.document["idempotency_key"].as_str() else { return };
        let mut body = plan.document.clone();
        for common in ["idempotency_key", "expected_generation"] {
            body.as_object_mut().unwrap().remove(common);
        }
        let body = document::canonical_digest(&json!([plan.verb, body]));
        let first = self.first.entry(key.to_owned()).or_insert((body.clone(), reply.clone()));
        assert_eq!((&first.0, &first.1), (&body, reply), "law 7: {plan:#?}");
    }

    /// The store holds what the model does, and remembers no more.
    pub(crate) fn compare(
        &self,
        store: &store::EnvironmentStore,
        files: &BTreeMap<String, Vec<u8>>,
    ) {
        let view = store.read().unwrap();
        same(&view, &self.model, &self.model).unwrap_or_else(|why| panic!("{why}"));
        let is_answer = |name: &&String| name.starts_with("ledger/") && name.ends_with(".json");
        let answers = self.model.records().keys().filter(|key| matches!(key, Key::Answered(_)));
        assert_eq!(files.keys().filter(is_answer).count(), answers.count(), "the ledger");
    }
}

/// Laws 6 and 9, once more and without asking the model.
fn was_right(plan: &Plan, transaction: &Transaction) {
    assert!(!plan.is_denied, "law 9: {plan:#?}");
    let expected = plan.document["expected_generation"].as_u64();
    let before = transaction.audit.generation.before;
    assert!(expected.is_none() || expected == before, "law 6: {before:?} for {plan:#?}");
}

/// An answered call that has no line in the log, and between how many lines its place is.
struct Waiting<'a> {
    call: &'a Call,
    from: usize,
    to: usize,
}

/// The calls that the log tells of, in its order, which is one that is possible.
fn order<'a>(calls: &'a [Call], events: &[AuditEvent]) -> Vec<&'a Call> {
    let id = |call: &'a Call| Some((call.plan.as_ref()?.event_id(), call));
    let mut by_id: BTreeMap<EventId, &Call> = calls.iter().filter_map(id).collect();
    let mut latest = 0;
    let mut order = Vec::new();
    for event in events {
        let call = by_id.remove(&event.event_id);
        let call = call.unwrap_or_else(|| panic!("nobody asked for another line: {event:#?}"));
        assert!(
            call.ended_at > latest,
            "it ended before one was asked that comes first: {call:#?}"
        );
        latest = latest.max(call.asked_at);
        order.push(call);
    }
    order
}

/// The answered calls that the log does not tell of, in the order in which they were asked.
fn unlogged<'a>(calls: &'a [Call], order: &[&Call]) -> Vec<Waiting<'a>> {
    let is_logged = |call: &Call| order.iter().any(|other| std::ptr::eq(*other, call));
    let waiting = |call: &'a Call| Waiting {
        call,
        from: order.iter().rposition(|o| o.ended_at < call.asked_at).map_or(0, |i| i + 1),
        to: order.iter().position(|o| o.asked_at > call.ended_at).unwrap_or(order.len()),
    };
    let mut found: Vec<Waiting> = calls
        .iter()
        .filter(|call| call.answer.is_some() && !is_logged(call))
        .map(waiting)
        .collect();
    found.sort_by_key(|waiting| waiting.call.asked_at);
    found
}

fn unchained(event: &AuditEvent) -> AuditEvent {
    AuditEvent { prev_hash: None, hash: None, ..event.clone() }
}
