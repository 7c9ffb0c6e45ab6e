//! Users and groups, by the name service of the machine and the tools that keep `/etc/passwd`.

use std::cell::RefCell;
use std::collections::HashMap;

use deploy_spec::Fault;
use single_vm::resource::Owner;
use single_vm::{Actual, Resource};

use super::command::{ask, must};

/// A database and a name or number in it.
type Asked = (&'static str, String);
/// The fields of its line, if there is one.
type Answer = Option<Vec<String>>;

/// Answers of the name service, each asked for once.
#[derive(Debug, Default)]
pub(super) struct Names(RefCell<HashMap<Asked, Answer>>);

/// The numbers of an owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Names {
    /// The fields of `key`, a name or a number, in `passwd` or `group`.
    fn entry(&self, database: &'static str, key: &str) -> Result<Answer, Fault> {
        let asked: Asked = (database, key.to_owned());
        if let Some(known) = self.0.borrow().get(&asked) {
            return Ok(known.clone());
        }
        let said = ask(&["getent", database, key])?;
        // 2: the key is not there (getent(1)).
        if !said.success && said.code != Some(2) {
            let why = said.why();
            return Err(Fault::unavailable(format!("`getent {database} {key}` failed: {why}")));
        }
        let line = said.out.lines().next().filter(|_| said.success);
        let fields: Answer = line.map(|line| line.split(':').map(str::to_owned).collect());
        self.0.borrow_mut().insert(asked, fields.clone());
        Ok(fields)
    }

    fn forget(&self) {
        self.0.borrow_mut().clear();
    }

    /// Whose something with these numbers is; a number that has no name stands for itself.
    pub(super) fn owner(&self, uid: u32, gid: u32) -> Result<Owner, Fault> {
        let name = |database, number: u32| -> Result<String, Fault> {
            if number == 0 {
                return Ok("root".into());
            }
            let entry = self.entry(database, &number.to_string())?;
            Ok(entry.and_then(|fields| fields.into_iter().next()).unwrap_or(number.to_string()))
        };
        Ok(Owner { user: name("passwd", uid)?, group: name("group", gid)? })
    }

    /// The numbers of `owner`.
    pub(super) fn numbers(&self, owner: &Owner) -> Result<Numbers, Fault> {
        let number = |database, name: &str| -> Result<u32, Fault> {
            if name == "root" {
                return Ok(0);
            }
            let entry = self.entry(database, name)?.and_then(|fields| fields.get(2)?.parse().ok());
            entry.or_else(|| name.parse().ok()).ok_or_else(|| {
                Fault::unavailable(format!("there is no `{name}` in the {database} of the machine"))
            })
        };
        Ok(Numbers { uid: number("passwd", &owner.user)?, gid: number("group", &owner.group)? })
    }

    pub(super) fn user(&self, name: &str) -> Result<Option<Actual>, Fault> {
        let Some(fields) = self.entry("passwd", name)? else { return Ok(None) };
        let number = |at: usize| fields.get(at).and_then(|text| text.parse().ok());
        let (Some(uid), Some(gid)) = (number(2), number(3)) else { return Ok(None) };
        Ok(Some(Actual::User { uid, group: self.owner(uid, gid)?.group }))
    }

    pub(super) fn group(&self, name: &str) -> Result<Option<Actual>, Fault> {
        let gid = self.entry("group", name)?.and_then(|fields| fields.get(2)?.parse().ok());
        Ok(gid.map(|gid| Actual::Group { gid }))
    }

    /// Whether a user or a group has the number.
    pub(super) fn is_taken(&self, number: u32) -> Result<bool, Fault> {
        let number = number.to_string();
        Ok(self.entry("passwd", &number)?.is_some() || self.entry("group", &number)?.is_some())
    }

    /// Makes the account, or gives it its numbers.
    pub(super) fn make(&self, account: &Resource) -> Result<(), Fault> {
        self.forget();
        let done = match account {
            Resource::Group { name, gid } => {
                let gid = gid.to_string();
                match self.group(name.as_str())? {
                    None => must(&["groupadd", "--system", "--gid", &gid, name.as_str()]),
                    Some(_) => must(&["groupmod", "--gid", &gid, name.as_str()]),
                }
            }
            Resource::User { name, uid, group } => {
                let (uid, name) = (uid.to_string(), name.as_str());
                let numbers = ["--uid", &uid, "--gid", group.as_str()];
                match self.user(name)? {
                    None => must(&[&NEW_USER[..], &numbers, &[name]].concat()),
                    Some(_) => must(&[&["usermod"], &numbers[..], &[name]].concat()),
                }
            }
            _ => Err(Fault::internal("only accounts are made here")),
        };
        self.forget();
        done.map(drop)
    }

    /// Removes the account, if it is there.
    pub(super) fn remove(&self, account: &Resource) -> Result<(), Fault> {
        self.forget();
        let (tool, name, is_there) = match account {
            Resource::Group { name, .. } => ("groupdel", name, self.group(name.as_str())?),
            Resource::User { name, .. } => ("userdel", name, self.user(name.as_str())?),
            _ => return Err(Fault::internal("only accounts are removed here")),
        };
        let done = is_there.map_or(Ok(String::new()), |_| must(&[tool, name.as_str()]));
        self.forget();
        done.map(drop)
    }
}

/// A system user whom nobody can log in as.
const NEW_USER: [&str; 9] = [
    "useradd",
    "--system",
    "--no-create-home",
    "--home-dir",
    "/nonexistent",
    "--shell",
    "/usr/sbin/nologin",
    "--comment",
    "Greentic",
];
