//! Who may give a command, and what is written down when they may not.

use deploy_spec::audit::AuditSchema;
use deploy_spec::{AuditEvent, AuditResult, EnvironmentId, Fault, GenerationChange, Permission};

use crate::draft::Context;
use crate::mechanism::Rejection;

/// The noun and the verb of a command.
type Words<'a> = (&'a str, &'a str);

/// Refuses a command that its asker may not give.
pub(crate) fn permitted(
    (noun, op): Words<'_>,
    environment_id: &EnvironmentId,
    context: &Context,
) -> Result<(), Fault> {
    let Context { authorization, actor, .. } = context;
    if authorization.decision == Permission::Allow {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "{} may not `{noun} {op}` on `{environment_id}`: {}",
        actor.user, authorization.reason
    ))
    .detail("policy", authorization.policy.clone()))
}

/// What becomes of a command, also of one that only looks, when its asker may not give it; none
/// when they may. Asked before anything is found out for the command.
#[must_use]
pub fn denied(
    words: Words<'_>,
    environment_id: &EnvironmentId,
    context: &Context,
) -> Option<Box<Rejection>> {
    let fault = permitted(words, environment_id, context).err()?;
    let result = AuditResult::Error { kind: fault.kind, message: fault.message.clone() };
    Some(Box::new(Rejection { audit: event(words, environment_id, context, result), fault }))
}

/// The audit event of a command of which nothing more is known.
pub(crate) fn event(
    (noun, op): Words<'_>,
    environment_id: &EnvironmentId,
    context: &Context,
    result: AuditResult,
) -> AuditEvent {
    AuditEvent {
        schema: AuditSchema,
        event_id: context.event_id(),
        ts: context.now,
        actor: context.actor.clone(),
        environment_id: environment_id.clone(),
        noun: noun.into(),
        verb: op.into(),
        target: None,
        idempotency_key: None,
        generation: GenerationChange::default(),
        authorization: context.authorization.clone(),
        result,
        prev_hash: None,
        hash: None,
    }
}
