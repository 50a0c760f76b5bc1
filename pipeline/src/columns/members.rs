//! The members of an event that are one column each, by the kind of their value.

use super::fixed::{Boolean, Fixed, Int32, Text, Uuid, event_column};
use crate::event::Member;

/// The GUIDs.
pub(super) const GUIDS: [(Member, Fixed<Uuid>); 9] = [
    (Member::OperationId, event_column::OPERATION_ID),
    (Member::CorrelationId, event_column::CORRELATION_ID),
    (Member::RequestId, event_column::REQUEST_ID),
    (Member::UserId, event_column::USER_ID),
    (Member::InitiatingUserId, event_column::INITIATING_USER_ID),
    (Member::UserAzureActiveDirectoryObjectId, event_column::USER_AAD_ID),
    (Member::InitiatingUserAzureActiveDirectoryObjectId, event_column::INITIATING_USER_AAD_ID),
    (Member::OrganizationId, event_column::ORGANIZATION_ID),
    (Member::BusinessUnitId, event_column::BUSINESS_UNIT_ID),
];

/// The integers.
pub(super) const INTEGERS: [(Member, Fixed<Int32>); 4] = [
    (Member::Depth, event_column::DEPTH),
    (Member::Stage, event_column::STAGE),
    (Member::Mode, event_column::MODE),
    (Member::IsolationMode, event_column::ISOLATION_MODE),
];

/// The booleans.
pub(super) const BOOLEANS: [(Member, Fixed<Boolean>); 3] = [
    (Member::IsInTransaction, event_column::IN_TRANSACTION),
    (Member::IsExecutingOffline, event_column::OFFLINE),
    (Member::IsOfflinePlayback, event_column::OFFLINE_PLAYBACK),
];

/// The strings, which have any length.
pub(super) const STRINGS: [(Member, Fixed<Text>); 3] = [
    (Member::InitiatingUserAgent, event_column::USER_AGENT),
    (Member::OrganizationName, event_column::ORGANIZATION_NAME),
    (Member::SecondaryEntityName, event_column::SECONDARY_TABLE),
];
