//! `syncline set` and `delete`.

use syncline::crdt::Value;

use super::session::{Session, path_of, refused, shown};
use super::{DeleteArgs, Failure, SetArgs};

/// Writes one value. An object replaces what is there by a map, so that its keys can be read and written on their own.
pub(super) async fn set(args: SetArgs) -> Result<(), Failure> {
    let value: Value = serde_json::from_str(&args.value).map_err(|error| {
        Failure::Usage(format!(
            "--value is not JSON: {error}. Text needs quotes of its own, for example --value '\"hello\"'."
        ))
    })?;
    let session = Session::open(&args.target).await?;
    let path = path_of(&args.path);
    let written = session.client.edit(Some("cli"), |doc| match value {
        Value::Map(_) => {
            doc.delete(&path)?;
            doc.create_map(&path)?;
            doc.assign(&path, value)
        }
        value => doc.set(&path, value),
    });
    written.map_err(refused)?;
    session.finish(args.level.into()).await
}

/// Deletes everything at and below a path.
pub(super) async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let session = Session::open(&args.target).await?;
    let path = path_of(&args.path);
    if !session.client.edit(Some("cli"), |doc| doc.delete(&path)).map_err(refused)? {
        session.leave().await;
        let room = &args.target.room;
        return Err(Failure::Failed(format!(
            "there is nothing at {} in room {room}. Look at the whole room with `syncline get --room {room}`.",
            shown(&args.path)
        )));
    }
    session.finish(args.level.into()).await
}
