//! From a command to what is stored: lock, decide, commit.

use control::{Call, Context, Decision, Memory, Reply, Verb, decide};
use deploy_spec::Fault;

use crate::lock::Holder;
use crate::root::EnvironmentStore;

/// What became of a command.
#[derive(Debug, PartialEq)]
pub struct Executed {
    /// What it is answered.
    pub reply: Reply,
    /// The sequence of its commit; none when nothing changed.
    pub sequence: Option<u64>,
}

impl EnvironmentStore {
    /// Decides a command and commits what follows. A refusal is written to the audit log.
    ///
    /// # Errors
    /// Why it may not be done, or could not.
    pub fn execute<V: Verb>(
        &self,
        call: &Call<V::Answers>,
        facts: &V::Facts,
        context: &Context,
    ) -> Result<Executed, Fault> {
        if !self.exists() {
            // Nothing is made for a command that would be refused anyway.
            self.decide_on_nothing::<V>(call, facts, context)?;
        }
        let holder = Holder {
            user: context.actor.user.clone(),
            pid: std::process::id(),
            command: format!("{} {}", V::NOUN, V::OP),
            since: context.now,
        };
        let writer = self.write_new(&holder)?;
        match decide::<V>(writer.view(), call, facts, context) {
            Ok(Decision { reply, transaction: None }) => Ok(Executed { reply, sequence: None }),
            Ok(Decision { reply, transaction: Some(transaction) }) => {
                let sequence = Some(writer.commit(&transaction)?);
                Ok(Executed { reply, sequence })
            }
            Err(rejection) => {
                writer.refuse(&rejection)?;
                Err(rejection.fault)
            }
        }
    }

    /// Decides a command and changes nothing.
    ///
    /// # Errors
    /// Why it may not be done.
    pub fn rehearse<V: Verb>(
        &self,
        call: &Call<V::Answers>,
        facts: &V::Facts,
        context: &Context,
    ) -> Result<Decision, Fault> {
        if !self.exists() {
            return self.decide_on_nothing::<V>(call, facts, context);
        }
        decide::<V>(&self.read()?, call, facts, context).map_err(|rejection| rejection.fault)
    }

    fn decide_on_nothing<V: Verb>(
        &self,
        call: &Call<V::Answers>,
        facts: &V::Facts,
        context: &Context,
    ) -> Result<Decision, Fault> {
        decide::<V>(&Memory::new(self.id().clone()), call, facts, context)
            .map_err(|rejection| rejection.fault)
    }
}
