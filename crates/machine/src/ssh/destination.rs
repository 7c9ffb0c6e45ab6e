//! Whom to reach, and by which host key it is known.

use std::str::FromStr;

use deploy_spec::document::shown;

/// `user@machine`, or a `Host` of the configuration of `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(String);

impl Destination {
    /// As `ssh` takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The machine without the user.
    pub(super) fn machine(&self) -> &str {
        self.0.rsplit_once('@').map_or(&*self.0, |(_, machine)| machine)
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Destination {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // An address of IPv6 has colons, a zone of it `%`, and neither begins as an option does.
        let good = |c: char| c.is_ascii_alphanumeric() || "._-:%".contains(c);
        let (user, machine) = text.rsplit_once('@').unwrap_or(("any", text));
        let is_good = |part: &str| {
            !part.is_empty()
                && part.len() <= 255
                && !part.starts_with('-')
                && part.chars().all(good)
        };
        match is_good(user) && is_good(machine) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{} is nobody to log in as: user@machine; the port is --port",
                shown(text)
            )),
        }
    }
}

/// The fingerprint of a host key, as `ssh-keygen -l` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey(String);

impl HostKey {
    /// Options by which only this key is trusted (ssh_config(5)): no known hosts, and a command that
    /// knows the key which is shown when it is the one.
    pub(super) fn options(&self) -> [String; 3] {
        let script = format!("test \"$0\" != {} || echo \"$1 $2 $3\"", self.0);
        let known = format!("KnownHostsCommand=/bin/sh -c '{script}' %f %H %t %K");
        [known, "UserKnownHostsFile=/dev/null".into(), "GlobalKnownHostsFile=/dev/null".into()]
    }
}

impl std::fmt::Display for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // 32 bytes in base64, without the `=` at the end.
        let hash = text.strip_prefix("SHA256:").unwrap_or_default();
        let good = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        match hash.len() == 43 && hash.chars().all(good) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{} is no fingerprint: SHA256: and 43 characters, as \
                 `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it on the machine",
                shown(text)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_no_option_of_ssh_and_no_command() {
        for good in ["root@vm.example", "vm", "a.b-c@192.0.2.1", "root@fe80::1%eth0"] {
            assert_eq!(good.parse::<Destination>().unwrap().as_str(), good);
        }
        let bad = ["", "@vm", "root@", "-oProxyCommand=x", "root@-oProxyCommand=x", "a b", "vm;id"];
        for bad in bad.into_iter().chain(["ssh://vm", "root@vm/22"]) {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
        assert_eq!("root@vm".parse::<Destination>().unwrap().machine(), "vm");
    }

    #[test]
    fn a_host_key_is_a_whole_fingerprint() {
        let good = format!("SHA256:{}", "aB3+/".repeat(8) + "abc");
        assert_eq!(good.parse::<HostKey>().unwrap().to_string(), good);
        let bad = [&good[1..], &good[..49], &format!("{good}="), "SHA256:$(id)", "MD5:00", ""];
        assert!(bad.iter().all(|bad| bad.parse::<HostKey>().is_err()));
    }
}
