//! Mistakes that an implementation could make, each planted in turn.

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Puts the next file of a destination before the one before it is known to be durable.
    PipelinedPuts,
    /// Treats a put without an answer as a success.
    TimeoutIsSuccess,
    /// Treats a name that is already taken as a success.
    ConflictIsSuccess,
    /// Takes any file with the writer's own id for the file that it tried to put.
    IdentifiedByWriter,
    /// Drops the file and reads on after a conflict, instead of starting again.
    ConflictDropsFile,
    /// Keeps the buffers over a restart, so that their rows are read once more.
    BuffersSurviveRestart,
    /// Writes events again that already have a row.
    ExistingRowsNotSkipped,
    /// Compacts two neighbouring files in one instant, which frees the name of the second.
    CompactionFreesNames,
    /// The same, except for the last file of a chain.
    CompactionSparesLastFile,
    /// Rolls a file between two rows of one event.
    EventSplitAcrossFiles,
    /// Saves the position that was read, not the one that is durable.
    CheckpointAheadOfLake,
    /// Accepts the checkpoint of another generation of the hub.
    CheckpointOfAnyGeneration,
    /// Accepts the checkpoint of another lake.
    CheckpointOfAnyLake,
    /// Attaches again without asking for the hub's generation.
    GenerationNotAskedAgain,
    /// Attaches again without asking for the newest routing rules.
    RulesNotAskedAgain,
    /// Attaches again without asking for the hub's last number.
    ExtentNotAskedAgain,
    /// Attaches again and judges a gap by the extent that the hub had at the start.
    GapJudgedByOldExtent,
    /// Attaches again after the last event that was received, although it was not handed over.
    AttachedAfterReceived,
    /// Attaches again at the durable position while the lanes keep their rows.
    AttachedAtDurable,
    /// Attaches again where it was, with lanes that have forgotten their open rows.
    LaneForgetsRows,
    /// Starts at the latest event whenever a checkpoint is missing.
    LatestWithoutOrigin,
    /// Names a file after its own first row.
    NamedAfterFirstRow,
    /// Puts two destinations under one path.
    SharedPath,
    /// Lets new rules begin at the checkpoint.
    RulesWithoutBoundary,
    /// Keeps the boundary between rules only in the checkpoint.
    BoundaryInCheckpointOnly,
    /// Lets readers with the old rules read beyond the boundary.
    OldReaderContinues,
    /// Records a boundary while events below it still have to be committed under the old rules.
    BoundaryBeforeCaughtUp,
    /// Continues at the oldest event when retention has removed the position.
    RetentionIgnored,
    /// Relies on a file that it found, although its writer may not have synced it.
    UnsyncedFileCounts,
    /// Follows a checkpoint although events below it have no row.
    CheckpointTrusted,
    /// Reports events as lost that the hub no longer has, without looking for their rows.
    RowsNotConsulted,
    /// Writes the position that was read into the footer, not the one that is durable.
    FooterAheadOfLake,
    /// Detects that a hub restarted its numbers by the checkpoint only.
    RenumberingUnnoticed,
    /// Starts a partition that was added to the hub at the oldest event that is left.
    NewPartitionStartsAtOldest,
    /// Passes over a gap in the numbers without a record.
    GapNotRecorded,
    /// Lets new rules begin at the durable position although rows above it follow the old rules.
    BoundaryBelowRows,
    /// Declares old versions stopped while their puts are still in flight.
    StoppedWithPutsInFlight,
}

impl Bug {
    pub(crate) const ALL: [Self; 37] = [
        Self::PipelinedPuts,
        Self::TimeoutIsSuccess,
        Self::ConflictIsSuccess,
        Self::IdentifiedByWriter,
        Self::ConflictDropsFile,
        Self::BuffersSurviveRestart,
        Self::ExistingRowsNotSkipped,
        Self::CompactionFreesNames,
        Self::CompactionSparesLastFile,
        Self::EventSplitAcrossFiles,
        Self::CheckpointAheadOfLake,
        Self::CheckpointOfAnyGeneration,
        Self::CheckpointOfAnyLake,
        Self::GenerationNotAskedAgain,
        Self::RulesNotAskedAgain,
        Self::ExtentNotAskedAgain,
        Self::GapJudgedByOldExtent,
        Self::AttachedAfterReceived,
        Self::AttachedAtDurable,
        Self::LaneForgetsRows,
        Self::LatestWithoutOrigin,
        Self::NamedAfterFirstRow,
        Self::SharedPath,
        Self::RulesWithoutBoundary,
        Self::BoundaryInCheckpointOnly,
        Self::OldReaderContinues,
        Self::BoundaryBeforeCaughtUp,
        Self::RetentionIgnored,
        Self::UnsyncedFileCounts,
        Self::CheckpointTrusted,
        Self::RowsNotConsulted,
        Self::FooterAheadOfLake,
        Self::RenumberingUnnoticed,
        Self::NewPartitionStartsAtOldest,
        Self::GapNotRecorded,
        Self::BoundaryBelowRows,
        Self::StoppedWithPutsInFlight,
    ];
}
