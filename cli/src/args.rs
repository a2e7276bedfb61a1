//! The command line.

use crate::{Failure, cookie, source};
use clap::{Args as ClapArgs, Parser, Subcommand};
use hardtack::{Key, KeyError};
use std::{ffi::OsString, path::PathBuf, time::Duration};

const EXIT_STATUS: &str = "\
Exit status:
  0  everything is good
  1  what was read is not good: keys with a fault, a token that does not open or is over
  2  the command line is wrong, or has a key or a token in it
  3  something cannot be read or written";

/// Makes and checks keys, and looks into tokens and session cookies.
///
/// Keys and tokens come from the environment, a file or standard input, and never from an argument.
#[derive(Parser)]
#[command(name = "hardtack", version, after_help = EXIT_STATUS)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Makes a key and prints it. Its id goes to standard error.
    Key,
    /// Looks at lists of keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Prints what every token tells without a key: its key id, when it was sealed, its version and lengths.
    Inspect(InspectArgs),
    /// Opens a session cookie, or with --purpose a token, and prints it as JSON.
    Open(OpenArgs),
    /// Seals what `open` printed, from standard input, and prints the Cookie header or the token.
    Seal(SealArgs),
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Prints the id and the state of each key, and everything that is wrong.
    Check(KeysArgs),
}

/// Where the keys are.
#[derive(ClapArgs)]
pub struct KeysArgs {
    /// The environment variable with the keys.
    #[arg(long, value_name = "NAME", default_value = "SESSION_KEYS")]
    pub keys_env: String,
    /// The file with the keys instead, - for standard input.
    #[arg(long, value_name = "PATH", conflicts_with = "keys_env")]
    pub keys_file: Option<PathBuf>,
    #[command(flatten)]
    pub surplus: Surplus,
}

impl KeysArgs {
    pub fn is_stdin(&self) -> bool {
        self.keys_file.as_deref().is_some_and(source::is_stdin)
    }
}

/// Where the cookie or token is, standard input if nothing is said.
#[derive(ClapArgs)]
pub struct InputArgs {
    /// The file to read in place of standard input.
    #[arg(long, value_name = "PATH", conflicts_with = "env")]
    pub file: Option<PathBuf>,
    /// The environment variable to read in place of standard input.
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
}

#[derive(ClapArgs)]
pub struct InspectArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The name of the cookie, if there are several.
    #[arg(long, value_name = "NAME")]
    pub cookie: Option<String>,
    #[command(flatten)]
    pub surplus: Surplus,
}

#[derive(ClapArgs)]
pub struct OpenArgs {
    #[command(flatten)]
    pub keys: KeysArgs,
    #[command(flatten)]
    pub input: InputArgs,
    /// The name of the session cookie. Without it, the name that came with the token, or __Host-session.
    #[arg(long, value_name = "NAME")]
    pub cookie: Option<String>,
    /// The realm of the site's sessions.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "purpose"
    )]
    pub realm: String,
    /// The NAME of the site's session type. A dictionary has none.
    #[arg(
        long = "type",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "purpose"
    )]
    pub type_name: String,
    /// Opens a token of this purpose, and not a session.
    #[arg(long, value_name = "TEXT")]
    pub purpose: Option<String>,
    /// The bytes that the token is bound to.
    #[arg(long, value_name = "TEXT", requires = "purpose")]
    pub bound_to: Option<String>,
    /// The age at which the token is over, such as 15m.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration, requires = "purpose")]
    pub max_age: Duration,
}

#[derive(ClapArgs)]
pub struct SealArgs {
    #[command(flatten)]
    pub keys: KeysArgs,
    #[command(flatten)]
    pub input: InputArgs,
}

/// What no command takes. It is caught here because the parser would repeat it on the screen.
#[derive(ClapArgs)]
pub struct Surplus {
    #[arg(hide = true)]
    surplus: Vec<OsString>,
}

impl Surplus {
    pub fn refuse(&self) -> Result<(), Failure> {
        match self.surplus.as_slice() {
            [] => Ok(()),
            _ => Err(Failure::Usage(IN_ARGUMENT.into())),
        }
    }
}

const IN_ARGUMENT: &str = "keys and tokens do not belong into an argument: every user of the machine can read \
    the arguments of a process, and the shell keeps them in its history. Put a token on standard input or into a \
    file (--file), and keys into the environment or a file (--keys-file)";

/// Refuses a key or a token anywhere in the arguments, without repeating it.
pub fn refuse_secrets(args: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    for arg in args {
        let arg = arg.to_string_lossy();
        let words = arg
            .split(['=', ';', ',', '@', '"', '\'', ':'])
            .map(str::trim);
        if words.chain([&*arg]).any(is_secret) {
            let sentence = format!("{IN_ARGUMENT}. Replace the key, and end the session");
            return Err(Failure::Usage(sentence));
        }
    }
    Ok(())
}

fn is_secret(word: &str) -> bool {
    // A weak key has the form of a key too, and somebody may use it elsewhere.
    let key = match word.parse::<Key>() {
        Ok(_) => true,
        Err(error) => matches!(
            error,
            KeyError::Passphrase | KeyError::Pattern | KeyError::PasswordHash | KeyError::Published
        ),
    };
    key || cookie::is_token(word)
}
