//! `syncline token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Failure;
use crate::access::{self, AccessLevel, TokenRequest};
use crate::relay::now_ms;

/// Longest time of a token: what is longer is better given out anew.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// Room that is granted, a name or a pattern with * at its end; may be repeated
    #[arg(long, value_name = "PATTERN", required = true)]
    room: Vec<String>,
    /// What may be done in the rooms
    #[arg(long, value_enum, default_value_t = AccessLevel::Write)]
    access: AccessLevel,
    /// Where writing is limited to, such as todo/mine; may be repeated
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Time until it expires, such as 90s, 30m, 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    expires: Duration,
    /// Who it is for
    #[arg(long, value_name = "NAME", default_value = "cli")]
    subject: String,
    /// Name of the token itself, by which it can be revoked
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// On whose account it is
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Issuer, if the relay has `access.issuer`
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Audience, if the relay has `access.audience`
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// File with the secret that the relay has as `access.secret_file`
    #[arg(long, value_name = "FILE", env = "SYNCLINE_ACCESS__SECRET_FILE")]
    secret_file: PathBuf,
}

/// Prints a token.
pub(super) fn token(args: TokenArgs) -> Result<(), Failure> {
    let secret = access::read_secret(&args.secret_file).map_err(|error| Failure::Usage(error.to_string()))?;
    let request = TokenRequest {
        subject: args.subject,
        id: args.id,
        tenant: args.tenant,
        rooms: args.room.into_iter().map(|room| (room, args.access)).collect(),
        paths: args.path,
        expires: now_ms() / 1000 + args.expires.as_secs(),
        issuer: args.issuer,
        audience: args.audience,
    };
    let token = access::sign(&request, secret.as_bytes()).map_err(|error| Failure::Usage(error.to_string()))?;
    println!("{token}");
    Ok(())
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || "give a number and a unit of s, m, h or d, such as 12h; at most 366d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let time = number.checked_mul(seconds).map(Duration::from_secs).filter(|time| !time.is_zero() && *time <= LONGEST);
    time.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_a_bound() {
        assert_eq!(parse_time("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(parse_time("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "h", "12", "0s", "1y", "-1h", "400d", "99999999999999999999d", "1é"] {
            assert!(parse_time(wrong).unwrap_err().contains("12h"), "{wrong}");
        }
    }
}
