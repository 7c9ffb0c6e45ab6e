//! References to things that are kept elsewhere, so that their values never stand in a document.

use crate::text::{checked_text, shown};

fn secret_ref(text: &str) -> Result<(), String> {
    let part = |p: &str| {
        !p.is_empty()
            && p != "."
            && p != ".."
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let ok = text.len() <= 512
        && text.strip_prefix("secret://").is_some_and(|rest| {
            rest.split_once('/').is_some_and(|(env, path)| {
                env.parse::<crate::slug::EnvironmentId>().is_ok() && path.split('/').all(part)
            })
        });
    if ok { Ok(()) } else { Err(format!("{} is not like `secret://<env>/<path>`", shown(text))) }
}

fn policy_ref(text: &str) -> Result<(), String> {
    let ok = !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
    if ok {
        Ok(())
    } else {
        Err(format!("{} is not a reference: printable ASCII without spaces", shown(text)))
    }
}

checked_text!(
    /// Where a secret value is; never the value.
    SecretRef, secret_ref, pattern = "^secret://[a-z0-9-]+/.+$", example = "secret://local/fast2flow/api-key"
);
checked_text!(
    /// Where the deploy credentials of an environment are; never the credentials.
    CredentialsRef, secret_ref, pattern = "^secret://[a-z0-9-]+/.+$", example = "secret://prod-eu/deployer"
);
checked_text!(
    /// Which revenue policy a deployment's usage is billed by.
    PolicyRef, policy_ref, pattern = "^[!-~]{1,512}$", example = "revenue/standard"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_ref_names_its_environment_and_a_plain_path() {
        assert!("secret://local/a/b.c".parse::<SecretRef>().is_ok());
        for bad in [
            "",
            "secret://",
            "secret://local",
            "secret://local/",
            "secret://local/../x",
            "secret://local/a//b",
            "file:///x",
        ] {
            assert!(bad.parse::<SecretRef>().is_err(), "{bad}");
        }
    }
}
