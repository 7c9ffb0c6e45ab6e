//! Long histories on a disk that keeps failing: what one mishap leaves behind meets the next.

use control::{Folder, Memory, View as _};
use deploy_spec::{CheckStatus, DeploymentId, RevisionId};

use crate::dice::Dice;
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{
    Command, Expected, World, assert_log_is_whole, events, holder, is_change, local, log_on, on,
    which,
};

const SEEDS: u64 = 600;
const COMMANDS: usize = 14;

#[test]
fn many_mishaps_in_a_row_lose_nothing_that_was_acknowledged() {
    for seed in 0..SEEDS {
        let mut history = History {
            dice: Dice::new(seed),
            world: World::new(seed),
            disk: SimDisk::new(),
            memory: Memory::new(local()),
        };
        for i in 0..COMMANDS {
            history.go_on(&format!("seed {seed}, command {i}"));
        }
    }
}

struct History {
    dice: Dice,
    world: World,
    disk: SimDisk,
    memory: Memory,
}

impl History {
    fn go_on(&mut self, context: &str) {
        let command = self.any_command();
        let expected = Expected::of(&*command, &self.memory);
        let n = self.dice.below(70);
        let trouble = match self.dice.below(6) {
            0 | 1 => Trouble::PowerOff(n),
            2 => Trouble::FailOnce(n),
            3 => Trouble::FullFrom(n),
            _ => Trouble::None,
        };
        self.disk.expect(trouble, self.dice.next());
        let result = command.run(&on(&self.disk));
        let context = format!("{context}: {}, {trouble:?}", command.name());
        let mut acknowledged = None;
        if let Ok(executed) = result {
            assert_eq!(Ok(executed.reply), expected.answer, "{context}");
            acknowledged = Some(&expected.after);
        }
        let is_off = matches!(trouble, Trouble::PowerOff(n) if self.disk.steps().len() > n);
        self.disk.expect(Trouble::None, 0);
        if is_off || self.dice.below(4) == 0 {
            let how = [Reboot::Process, Reboot::Strict, Reboot::Random(self.dice.next())];
            self.disk.reboot(how[self.dice.below(3)]);
        }
        let found = which(&on(&self.disk), &self.memory, &expected.after, &context);
        if let Some(wanted) = acknowledged {
            assert!(found == wanted, "{context}: what was acknowledged is lost");
        }
        // What nobody acknowledged may be seen and yet be lost, until the next writer comes by.
        let is_perhaps = acknowledged.is_none() && *found != self.memory;
        self.memory = found.clone();
        if (is_perhaps || self.dice.coin()) && on(&self.disk).exists() {
            drop(on(&self.disk).write(&holder()).unwrap_or_else(|f| panic!("{context}: {f}")));
            assert_log_is_whole(&on(&self.disk), &context);
            let log = events(log_on(&self.disk), &context);
            let changes = log.iter().filter(is_change).count();
            assert_eq!(changes as u64, self.memory.sequence(), "{context}: the log disagrees");
        }
    }

    fn any_command(&mut self) -> Box<dyn Command> {
        let key = format!("k-{}", self.dice.next());
        let deployments = self.memory.list(&Folder::Deployments).unwrap();
        let revisions = self.memory.list(&Folder::RevisionHomes).unwrap();
        if self.memory.sequence() == 0 {
            return self.world.init(&key);
        }
        let path = format!("/{}", self.dice.below(4));
        if deployments.is_empty() {
            return self.world.add("fast2flow", &path, &key);
        }
        let of: DeploymentId = deployments[self.dice.below(deployments.len())].parse().unwrap();
        if revisions.is_empty() {
            return self.world.stage(of, "fast2flow", &key);
        }
        let revision: RevisionId = revisions[self.dice.below(revisions.len())].parse().unwrap();
        match self.dice.below(8) {
            0 => self.world.add("fast2flow", &path, &key),
            1 => self.world.stage(of, "fast2flow", &key),
            2 => self.world.warm(revision, CheckStatus::Fail, &key),
            3 | 4 => self.world.warm(revision, CheckStatus::Pass, &key),
            5 => self.world.rollback(of, &key),
            6 => self.world.clear(of, &key),
            _ => self.world.set(of, &[(revision, 10_000)], &key),
        }
    }
}
