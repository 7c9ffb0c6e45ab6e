//! The ways by which a secret may come in: standard input, a private file, an environment
//! variable. Never an argument, which every account of the machine can read.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::Path;

use deploy_spec::Fault;
use zeroize::Zeroizing;

use crate::secret_bytes::{SECRET_MAX, SecretBytes};

/// Reads a secret to its end; one line break at the end is not part of it.
///
/// # Errors
/// `invalid-input` when it is empty or too long; `unavailable` when it cannot be read.
pub fn read_stream(stream: &mut dyn Read) -> Result<SecretBytes, Fault> {
    let mut value = Zeroizing::new(Vec::with_capacity(SECRET_MAX + 2));
    let most = SECRET_MAX as u64 + 2;
    stream
        .take(most)
        .read_to_end(&mut value)
        .map_err(|error| Fault::unavailable(format!("the secret cannot be read: {error}")))?;
    without_line_break(value)
}

/// Reads a secret out of a file that only its owner can read, as far as the system has modes.
///
/// # Errors
/// `refused` when it is a link, no plain file, somebody else's, or open to others; otherwise as
/// [`read_stream`].
pub fn read_file(path: &Path) -> Result<SecretBytes, Fault> {
    let shown = path.display();
    let mut file = host_fs::open_plain(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::not_found(format!("there is no file `{shown}`")),
        _ if host_fs::is_link(&error) => {
            Fault::refused(format!("`{shown}` is a link; name the file itself"))
        }
        _ => Fault::unavailable(format!("`{shown}` cannot be opened: {error}")),
    })?;
    let meta = file
        .metadata()
        .map_err(|error| Fault::unavailable(format!("`{shown}` cannot be looked at: {error}")))?;
    if !meta.is_file() {
        return Err(Fault::refused(format!("`{shown}` is no plain file")));
    }
    if let Some(owner) =
        host_fs::owner(&meta).filter(|owner| Some(*owner) != host_fs::own_account())
    {
        return Err(Fault::refused(format!("`{shown}` belongs to account {owner}")));
    }
    if !host_fs::is_private(&meta) {
        return Err(Fault::refused(format!("others than its owner may use `{shown}`"))
            .hint(format!("chmod 600 {shown}")));
    }
    read_stream(&mut file)
        .map_err(|fault| Fault { message: format!("`{shown}`: {}", fault.message), ..fault })
}

/// Takes a secret out of an environment variable, whose value the caller has read.
///
/// # Errors
/// `invalid-input` when it is not set, empty or too long.
pub fn read_variable(name: &str, value: Option<OsString>) -> Result<SecretBytes, Fault> {
    let value = value
        .ok_or_else(|| Fault::invalid(format!("the environment variable `{name}` is not set")))?;
    without_line_break(Zeroizing::new(value.into_encoded_bytes()))
        .map_err(|fault| Fault { message: format!("`{name}`: {}", fault.message), ..fault })
}

fn without_line_break(mut value: Zeroizing<Vec<u8>>) -> Result<SecretBytes, Fault> {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    SecretBytes::new(std::mem::take(&mut *value))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use deploy_spec::Kind;

    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_it() {
        for (text, value) in [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x")] {
            assert_eq!(read_stream(&mut text.as_bytes()).unwrap().reveal(), value.as_bytes());
        }
        for bad in ["", "\n"] {
            assert_eq!(read_stream(&mut bad.as_bytes()).unwrap_err().kind, Kind::InvalidInput);
        }
        assert!(read_stream(&mut std::io::repeat(b'x')).is_err(), "it is endless");
    }

    #[test]
    fn a_file_is_plain_private_and_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter2\n").unwrap();
        let chmod = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for open in [0o640, 0o604, 0o620] {
            chmod(open);
            let refused = read_file(&file).unwrap_err();
            assert_eq!(refused.kind, Kind::Refused);
            assert!(refused.hint.unwrap().starts_with("chmod 600 "));
        }
        chmod(0o600);
        assert_eq!(read_file(&file).unwrap().reveal(), b"hunter2");
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(read_file(&link).unwrap_err().kind, Kind::Refused);
        assert_eq!(read_file(folder.path()).unwrap_err().kind, Kind::Refused);
        assert_eq!(read_file(&folder.path().join("none")).unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn a_variable_is_set_and_not_empty() {
        assert_eq!(read_variable("KEY", Some("x".into())).unwrap().reveal(), b"x");
        assert!(read_variable("KEY", None).unwrap_err().message.contains("`KEY`"));
        assert!(read_variable("KEY", Some("".into())).unwrap_err().message.contains("`KEY`"));
    }
}
