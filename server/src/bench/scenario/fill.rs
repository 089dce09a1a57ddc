//! Rooms that hold data before anybody is timed.

use std::time::Duration;

use super::Stage;
use crate::bench::BenchError;
use crate::bench::peer::last_key;
use crate::bench::progress::Progress;
use crate::bench::tally::add;

/// Attempts to see the data, and the pause between two.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Number of the connections that fill and look, beyond those of the run.
const FILLER: u32 = u32::MAX;

impl Stage {
    /// Writes cells into all rooms, and returns when whoever joins gets them.
    pub(super) async fn fill(&self) -> Result<(), BenchError> {
        if self.plan.cells == 0 {
            return Ok(());
        }
        let progress = Progress::start("filling rooms", u64::from(self.plan.rooms));
        for room in 0..self.plan.rooms {
            self.fill_room(room).await.map_err(BenchError::Fill)?;
            add(&progress.done, 1);
        }
        Ok(())
    }

    async fn fill_room(&self, room: u32) -> Result<(), String> {
        let (mut connection, _) = self.target.join(room, FILLER).await?;
        let frames = connection.peer.fill(self.plan.cells)?;
        connection.send(frames).await?;
        let last = last_key(self.plan.cells);
        for _ in 0..LOOKS {
            tokio::time::sleep(PAUSE).await;
            let (_, content) = self.target.join(room, FILLER).await?;
            if content.has(&last) {
                return Ok(());
            }
        }
        Err(format!("after {} s the cells are still not there", (PAUSE * LOOKS as u32).as_secs()))
    }
}
