//! Mistakes that somebody could make, each planted into the harness' rules one at a time.

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The next file of a destination is put before the one before is known to be there.
    PipelinedPuts,
    /// A put that was not answered counts as done.
    TimeoutIsSuccess,
    /// A name that is taken counts as done.
    TakenIsSuccess,
    /// A file by the writer's own id counts as the file it meant to put.
    JudgedByWriter,
    /// A writer that lost a name drops the file and reads on, instead of starting again.
    LostIsDone,
    /// A row enters the buffers again after a restart in which they were not dropped.
    BuffersKept,
    /// What is in the lake already is read and put all the same.
    NothingSkipped,
    /// Compaction, in one instant, of two neighbouring files: the second name becomes free.
    NamesFreed,
    /// The same, but the last file of a chain is spared.
    NamesFreedButTheLast,
    /// A file is rolled between two rows of one event.
    EventsSplit,
    /// The checkpoint says what was read, not what is durable.
    CheckpointLeads,
    /// A checkpoint of another generation of the hub counts.
    AnyGenerationsCheckpoint,
    /// A checkpoint of another lake counts.
    AnyLakesCheckpoint,
    /// A reader that reconnects does not look if the hub is still the same.
    GenerationKeptInMemory,
    /// Without a checkpoint, reading begins at the latest event each time.
    LatestWithoutOrigin,
    /// A file is called after its own first row.
    NameIsOwnFirstRow,
    /// Two destinations share a path.
    OnePathForTwo,
    /// New rules begin wherever the checkpoint stands.
    RulesWithoutBoundary,
    /// The boundary between rules is forgotten with the checkpoint.
    BoundaryInCheckpointOnly,
    /// Readers by the old rules go on beyond the boundary.
    OldReaderStays,
    /// A boundary is recorded while the old rules have events to land.
    BoundaryBeforeCaughtUp,
    /// A reader that finds its position gone takes the oldest event there is.
    RetentionPassedOver,
    /// A file that was found counts although its writer may not have synced it.
    FoundCountsUnsynced,
    /// A checkpoint counts although events below it have no row.
    CheckpointBelieved,
    /// Events that the hub no longer has are lost, whether or not they have a row.
    RowsNotAsked,
    /// A footer states what was read, not what is durable.
    FootersLead,
    /// A hub whose numbers begin again is noticed by the checkpoint only.
    RenumberedNotNoticed,
    /// A partition that was added to the hub begins at the oldest event it still has.
    NewPartitionBeginsAtOldest,
    /// A gap in the numbers is passed over without a record.
    GapNotRecorded,
    /// New rules begin at the durable position although old ones have rows above it.
    BoundaryBelowRows,
    /// Old versions are said to be stopped while their puts are still on their way.
    StoppedWhilePutsFly,
}

impl Bug {
    pub(crate) const ALL: [Self; 31] = [
        Self::PipelinedPuts,
        Self::TimeoutIsSuccess,
        Self::TakenIsSuccess,
        Self::JudgedByWriter,
        Self::LostIsDone,
        Self::BuffersKept,
        Self::NothingSkipped,
        Self::NamesFreed,
        Self::NamesFreedButTheLast,
        Self::EventsSplit,
        Self::CheckpointLeads,
        Self::AnyGenerationsCheckpoint,
        Self::AnyLakesCheckpoint,
        Self::GenerationKeptInMemory,
        Self::LatestWithoutOrigin,
        Self::NameIsOwnFirstRow,
        Self::OnePathForTwo,
        Self::RulesWithoutBoundary,
        Self::BoundaryInCheckpointOnly,
        Self::OldReaderStays,
        Self::BoundaryBeforeCaughtUp,
        Self::RetentionPassedOver,
        Self::FoundCountsUnsynced,
        Self::CheckpointBelieved,
        Self::RowsNotAsked,
        Self::FootersLead,
        Self::RenumberedNotNoticed,
        Self::NewPartitionBeginsAtOldest,
        Self::GapNotRecorded,
        Self::BoundaryBelowRows,
        Self::StoppedWhilePutsFly,
    ];
}
