//! The words of a description. Each that we do not serve is refused with the reason.

use deploy_spec::document::shown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines an enum that is one of a few words, and a sentence for every other word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $why:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("{} is not served: {}", shown(text), $why)),
                }
            }
        }
    };
}

words!(
    /// Which version of the document.
    ApiVersion, "this gtc reads `greentic.ai/v1alpha1` only" {
        /// The first.
        V1Alpha1 = "greentic.ai/v1alpha1",
    }
);
words!(
    /// Which document.
    DocumentKind, "a machine is described by a `Deployment`" {
        /// A deployment.
        Deployment = "Deployment",
    }
);
words!(
    /// The kind of place.
    Target, "this document describes one machine, `single-vm`" {
        /// One machine.
        SingleVm = "single-vm",
    }
);
words!(
    /// What a bundle is.
    Format, "the bundle is mounted, and only `squashfs` can be; `gtc bundle build --format \
             squashfs` makes one" {
        /// SquashFS.
        Squashfs = "squashfs",
    }
);
words!(
    /// The machine's architecture.
    Arch, "the units' system calls and the binary are proven on `x86_64` only" {
        /// AMD64.
        X86_64 = "x86_64",
    }
);
words!(
    /// What keeps the service running.
    Manager, "mounts, sockets and confinement are systemd's, and no other manager has them" {
        /// systemd.
        Systemd = "systemd",
    }
);
words!(
    /// How a new bundle takes over.
    Strategy, "a new bundle takes over by `blue-green` or by `recreate`" {
        /// The new one is proven beside the old one, and then takes its requests.
        BlueGreen = "blue-green",
        /// The old one ends before the new one begins.
        Recreate = "recreate",
    }
);
words!(
    /// That certificates are made here.
    Generate, "write `generate`, or a map with `caFile`, `certFile` and `keyFile`; client \
               certificates cannot be turned off" {
        /// They are.
        Generate = "generate",
    }
);
