//! The SDK's enumerations: names in XML, numbers in JSON.
//!
//! Owns: every public enumeration of the SDK, and the number of each name. Values of an unknown enumeration, and
//! unknown names, stay text.
//!
//! # Source
//! * `Microsoft.Xrm.Sdk.dll` and `Microsoft.Crm.Sdk.Proxy.dll` of `Microsoft.CrmSdk.CoreAssemblies` 9.0.2.9 to
//!   9.0.2.56, and of a server 9.1; names are those of the data contract.
//! * .NET's reference source, `EnumDataContract`: a flags enumeration is written as the names of its members, separated
//!   by spaces. Zero without a name of its own is an empty text.

/// An enumeration.
#[derive(Debug)]
pub(super) struct Enumeration {
    name: &'static str,
    /// A value may be the sum of several members.
    flags: bool,
    members: &'static [(&'static str, u32)],
}

impl Enumeration {
    /// The number of a value in XML; `None` if it contains an unknown name.
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        if !self.flags {
            return self.member(text.trim_ascii());
        }
        text.split_ascii_whitespace().try_fold(0, |sum, name| Some(sum | self.member(name)?))
    }

    fn member(&self, name: &str) -> Option<u32> {
        self.members.iter().find(|(member, _)| *member == name).map(|(_, number)| *number)
    }
}

/// The enumeration of a name.
pub(super) fn enumeration(name: &str) -> Option<&'static Enumeration> {
    let name = match name {
        // Two enumerations have another name in the data contract than in code.
        "XrmAggregateType" => "AggregateType",
        "XrmDateTimeGrouping" => "DateTimeGroupingType",
        _ => name,
    };
    ALL.binary_search_by(|known| known.name.cmp(name)).ok().map(|at| ALL[at])
}

/// The enumeration with the longest name that a pair's type name begins with. A hash of its namespace may follow.
pub(super) fn longest_prefix(name: &str) -> Option<&'static Enumeration> {
    ALL.iter().filter(|known| name.starts_with(known.name)).max_by_key(|known| known.name.len()).copied()
}

macro_rules! enumerations {
    ($($id:ident $kind:ident $name:ident: $($member:ident $number:literal)+;)+) => {
        $(
            #[allow(dead_code, reason = "only members of known classes name their enumeration")]
            pub(super) static $id: Enumeration = Enumeration {
                name: stringify!($name),
                flags: is_flags(stringify!($kind)),
                members: &[$((stringify!($member), $number)),+],
            };
        )+
        /// All enumerations, sorted by name.
        static ALL: &[&Enumeration] = &[$(&$id),+];
    };
}

const fn is_flags(kind: &str) -> bool {
    matches!(kind.as_bytes(), b"flags")
}

enumerations! {
    ACCESS_RIGHTS flags AccessRights: None 0 ReadAccess 1 WriteAccess 2 AppendAccess 4 AppendToAccess 16
        CreateAccess 32 DeleteAccess 65_536 ShareAccess 262_144 AssignAccess 524_288;
    AGGREGATE_TYPE plain AggregateType: None 0 Count 1 CountColumn 2 Sum 3 Avg 4 Min 5 Max 6;
    ASSOCIATED_MENU_BEHAVIOR plain AssociatedMenuBehavior: UseCollectionName 0 UseLabel 1 DoNotDisplay 2;
    ASSOCIATED_MENU_GROUP plain AssociatedMenuGroup: Details 0 Sales 1 Service 2 Marketing 3;
    ATTRIBUTE_REQUIRED_LEVEL plain AttributeRequiredLevel: None 0 SystemRequired 1 ApplicationRequired 2 Recommended 3;
    ATTRIBUTE_TYPE_CODE plain AttributeTypeCode: Boolean 0 Customer 1 DateTime 2 Decimal 3 Double 4 Integer 5 Lookup 6
        Memo 7 Money 8 Owner 9 PartyList 10 Picklist 11 State 12 Status 13 String 14 Uniqueidentifier 15
        CalendarRules 16 Virtual 17 BigInt 18 ManagedProperty 19 EntityName 20;
    AUTHENTICATION_TYPE plain AuthenticationType: ClientCredential 0 ClientAssertionCertificate 1
        ClientAssertionCertificateWithX5c 2 ManagedIdentity 3;
    BULK_OPERATION_SOURCE plain BulkOperationSource: QuickCampaign 0 CampaignActivity 1;
    BUSINESS_NOTIFICATION_PARAMETER_TYPE plain BusinessNotificationParameterType: None 0 String 1 Attribute 2;
    BUSINESS_NOTIFICATION_SEVERITY plain BusinessNotificationSeverity: None 0 Error 1 Warning 2 Information 3
        UserDefined 4;
    CASCADE_TYPE plain CascadeType: NoCascade 0 Cascade 1 Active 2 UserOwned 3 RemoveLink 4 Restrict 5;
    CHANGE_TYPE plain ChangeType: NewOrUpdated 0 RemoveOrDeleted 1;
    CHANNEL_ACCESS_PROFILE_PRIVILEGE_DEPTH plain ChannelAccessProfilePrivilegeDepth: None 0 EntityReference 1
        ParentEntityReference 2 Global 8;
    CLIENT_HEADER plain ClientHeader: AcceptLanguage 0;
    CLIENT_TYPES flags ClientTypes: OutlookLaptop 1 OutlookDesktop 2 DataMigration 4 OutlookConfiguration 8
        DataMigrationConfiguration 16;
    COMPONENT_PRINCIPAL_ACCESS_REQUEST_TYPE plain ComponentPrincipalAccessRequestType: REVOKE 0 GRANT 1 MODIFY 2;
    CONCURRENCY_BEHAVIOR plain ConcurrencyBehavior: Default 0 IfRowVersionMatches 1 AlwaysOverwrite 2;
    CONDITION_OPERATOR plain ConditionOperator: Equal 0 NotEqual 1 GreaterThan 2 LessThan 3 GreaterEqual 4 LessEqual 5
        Like 6 NotLike 7 In 8 NotIn 9 Between 10 NotBetween 11 Null 12 NotNull 13 Yesterday 14 Today 15 Tomorrow 16
        Last7Days 17 Next7Days 18 LastWeek 19 ThisWeek 20 NextWeek 21 LastMonth 22 ThisMonth 23 NextMonth 24 On 25
        OnOrBefore 26 OnOrAfter 27 LastYear 28 ThisYear 29 NextYear 30 LastXHours 31 NextXHours 32 LastXDays 33
        NextXDays 34 LastXWeeks 35 NextXWeeks 36 LastXMonths 37 NextXMonths 38 LastXYears 39 NextXYears 40
        EqualUserId 41 NotEqualUserId 42 EqualBusinessId 43 NotEqualBusinessId 44 ChildOf 45 Mask 46 NotMask 47
        MasksSelect 48 Contains 49 DoesNotContain 50 EqualUserLanguage 51 NotOn 52 OlderThanXMonths 53 BeginsWith 54
        DoesNotBeginWith 55 EndsWith 56 DoesNotEndWith 57 ThisFiscalYear 58 ThisFiscalPeriod 59 NextFiscalYear 60
        NextFiscalPeriod 61 LastFiscalYear 62 LastFiscalPeriod 63 LastXFiscalYears 64 LastXFiscalPeriods 65
        NextXFiscalYears 66 NextXFiscalPeriods 67 InFiscalYear 68 InFiscalPeriod 69 InFiscalPeriodAndYear 70
        InOrBeforeFiscalPeriodAndYear 71 InOrAfterFiscalPeriodAndYear 72 EqualUserTeams 73 EqualUserOrUserTeams 74
        Under 75 NotUnder 76 UnderOrEqual 77 Above 78 AboveOrEqual 79 EqualUserOrUserHierarchy 80
        EqualUserOrUserHierarchyAndTeams 81 OlderThanXYears 82 OlderThanXWeeks 83 OlderThanXDays 84 OlderThanXHours 85
        OlderThanXMinutes 86 ContainValues 87 DoesNotContainValues 88 EqualRoleBusinessId 89;
    DATE_TIME_FORMAT plain DateTimeFormat: DateOnly 0 DateAndTime 1;
    DATE_TIME_GROUPING_TYPE plain DateTimeGroupingType: None 0 Day 1 Week 2 Month 3 Quarter 4 Year 5 FiscalPeriod 6
        FiscalYear 7;
    DELETED_METADATA_FILTERS flags DeletedMetadataFilters: Entity 1 Attribute 2 Relationship 4 Label 8 OptionSet 16;
    DEPENDENCY_DEPTH plain DependencyDepth: Unknown 0 OnDemandWithContext 1 OnDemandWithoutContext 2
        OnDemandContextOnly 3 Offline 4 Mobile 5 UserContext 6 NoDependency 7;
    END_USER_NOTIFICATION_CLIENT plain EndUserNotificationClient: None 0 WebApplication 1 Portal 2 Outlook 3 Email 4;
    ENDPOINT_ACCESS_TYPE plain EndpointAccessType: Default 0 Internet 1 Intranet 2;
    ENDPOINT_TYPE plain EndpointType: OrganizationService 0 OrganizationDataService 1 WebApplication 2;
    ENTITY_CLUSTER_MODE plain EntityClusterMode: Partitioned 0 Replicated 1 Local 2;
    ENTITY_FILTERS flags EntityFilters: Entity 1 Attributes 2 Privileges 4 Relationships 8;
    ENTITY_KEY_INDEX_STATUS plain EntityKeyIndexStatus: Pending 0 InProgress 1 Active 2 Failed 3;
    ENTITY_ROLE plain EntityRole: Referencing 0 Referenced 1;
    ENTITY_SOURCE plain EntitySource: Account 0 Contact 1 Lead 2 All 3;
    ENTITY_STATE plain EntityState: Unchanged 0 Created 1 Changed 2;
    ERROR_TYPE plain ErrorType: Error 1 Warning 2;
    EXPORT_DYNAMIC_TO_EXCEL_TYPE plain ExportDynamicToExcelType: Dynamic 0 Pivot 1;
    IME_MODE plain ImeMode: Auto 0 Inactive 1 Active 2 Disabled 3;
    IMPORT_DECISION plain ImportDecision: Import 0 Skip 1;
    INFO_CODE plain InfoCode: Unknown 0 SyntaxError 1 PerformanceLeadingWildCard 2 PerformanceLargeColumnSearch 3
        OrderOnEnumAttribute 4 OrderOnPropertiesFromJoinedTables 5 LargeAmountOfAttributes 6
        LargeAmountOfLogicalAttributes 7 FilteringOnCalculatedColumns 8;
    INTEGER_FORMAT plain IntegerFormat: None 0 Duration 1 TimeZone 2 Language 3 Locale 4;
    JOIN_OPERATOR plain JoinOperator: Inner 0 LeftOuter 1 Natural 2 MatchFirstRowUsingCrossApply 3 In 4 Exists 5 Any 6
        NotAny 7 All 8 NotAll 9;
    LAYER_DESIRED_ORDER_TYPE plain LayerDesiredOrderType: Below 0 Above 1 Base 2;
    LOGICAL_OPERATOR plain LogicalOperator: And 0 Or 1;
    LOOKUP_FORMAT plain LookupFormat: None 0 Connection 1 Regarding 2 Text 3;
    MANAGED_PROPERTY_EVALUATION_PRIORITY plain ManagedPropertyEvaluationPriority: None 0 Low 1 Normal 2 High 3
        Essential 4;
    MANAGED_PROPERTY_OPERATION plain ManagedPropertyOperation: None 0 Create 1 Update 2 CreateUpdate 3 Delete 4
        UpdateDelete 6 All 7;
    MANAGED_PROPERTY_TYPE plain ManagedPropertyType: Operation 0 Attribute 1 CustomEvaluator 2 Custom 3;
    METADATA_CONDITION_OPERATOR plain MetadataConditionOperator: Equals 0 NotEquals 1 In 2 NotIn 3 GreaterThan 4
        LessThan 5;
    OPERATION_STATUS plain OperationStatus: Failed 0 Canceled 1 Retry 2 Suspended 3 Succeeded 4;
    OPTION_SET_TYPE plain OptionSetType: Picklist 0 State 1 Status 2 Boolean 3;
    ORDER_TYPE plain OrderType: Ascending 0 Descending 1;
    ORGANIZATION_RELEASE plain OrganizationRelease: Current 0 V5 1;
    ORGANIZATION_STATE plain OrganizationState: Enabled 0 Disabled 1;
    ORGANIZATION_TYPE plain OrganizationType: Customer 0 Monitoring 1 Support 2 BackEnd 3 Secondary 4 CustomerTest 5
        CustomerFreeTest 6 CustomerPreview 7 Placeholder 8 TestDrive 9 MsftInvestigation 10 EmailTrial 11 Default 12
        Developer 13 Trial 14 Teams 15 Platform 16;
    OWNERSHIP_TYPES flags OwnershipTypes: None 0 UserOwned 1 TeamOwned 2 BusinessOwned 4 OrganizationOwned 8
        BusinessParented 16 Filtered 32;
    PLUGIN_HTTP_STATUS_CODE plain PluginHttpStatusCode: NotSet 0 BadRequest 400 Unauthorized 401 Forbidden 403
        NotFound 404 MethodNotAllowed 405 RequestTimeout 408 Conflict 409 Gone 410 PreconditionFailed 412
        RequestEntityTooLarge 413 ExpectationFailed 417 FailedDependency 424 TooManyRequests 429
        InternalServerError 500 BadGateway 502 ServiceUnavailable 503 GatewayTimeout 504;
    PRESENT_IN_ORG plain PresentInOrg: False 0 True 1 Unknown 2;
    PRIVILEGE_DEPTH plain PrivilegeDepth: Basic 0 Local 1 Deep 2 Global 3 RecordFilter 4;
    PRIVILEGE_TYPE plain PrivilegeType: None 0 Create 1 Read 2 Write 3 Delete 4 Assign 5 Budget 6 Append 7 AppendTo 8;
    PROPAGATION_OWNERSHIP_OPTIONS plain PropagationOwnershipOptions: None 0 Caller 1 ListMemberOwner 2;
    PROVISION_LANGUAGE_FOR_USER_STATUS_TYPE plain ProvisionLanguageForUserStatusType: Queued 0 Completed 1 Skipped 2;
    RELATIONSHIP_TYPE plain RelationshipType: OneToManyRelationship 0 ManyToManyRelationship 1 ManyToOneRelationship 2;
    REMOVE_DEPENDENCY_STATUS plain RemoveDependencyStatus: Error 0 Success 1 SuccessWithWarning 2 FeatureDisabled 3
        FeatureNotSupported 4 FatalError 99;
    RESULT_CODE plain ResultCode: Successful 0 Failed 1 Skipped 2;
    RIBBON_LOCATION_FILTERS flags RibbonLocationFilters: Form 1 HomepageGrid 2 SubGrid 4;
    ROLLUP_TYPE plain RollupType: None 0 Related 1 Extended 2;
    SEARCH_DIRECTION plain SearchDirection: Forward 0 Backward 1;
    SECURITY_TYPES flags SecurityTypes: None 0 Append 1 ParentChild 2 Pointer 4 Inheritance 8;
    SEVERITY_LEVEL plain SeverityLevel: Low 0 Medium 1 High 2 Critical 3;
    SHARE_ACCESS_RIGHTS plain ShareAccessRights: None 0 ReadAccess 1 WriteAccess 2 AppendAccess 4 AppendToAccess 16
        CreateAccess 32 DeleteAccess 65_536 ShareAccess 262_144 AssignAccess 524_288;
    SOLUTION_OPERATION_MESSAGE_TYPE plain SolutionOperationMessageType: Info 0 Warning 1 Error 2;
    SOLUTION_OPERATION_STATUS plain SolutionOperationStatus: Failed 0 Passed 1;
    SOLUTION_OPERATION_TYPE plain SolutionOperationType: Import 0;
    SOLUTION_VALIDATION_RESULT_TYPE plain SolutionValidationResultType: Info 0 Warning 1 Error 2;
    SQL_NAME_MAPPING_OPTIONS plain SqlNameMappingOptions: LogicalName 0 DisplayName 1;
    STAGE_SOLUTION_STATUS plain StageSolutionStatus: Failed 0 Passed 1;
    STRING_FORMAT plain StringFormat: Email 0 Text 1 TextArea 2 Url 3 TickerSymbol 4 PhoneticGuide 5 VersionNumber 6
        Phone 7 Json 8 RichText 9;
    SUB_CODE plain SubCode: Unspecified 0 Schedulable 1 Committed 2 Uncommitted 3 Break 4 Holiday 5 Vacation 6
        Appointment 7 ResourceStartTime 8 ResourceServiceRestriction 9 ResourceCapacity 10 ServiceRestriction 11
        ServiceCost 12;
    TABLE_TYPE_CODE plain TableTypeCode: Standard 0 Virtual 1 Elastic 2;
    TARGET_FIELD_TYPE plain TargetFieldType: All 0 ValidForCreate 1 ValidForUpdate 2 ValidForRead 3;
    TIME_CODE plain TimeCode: Available 0 Busy 1 Unavailable 2 Filter 3;
    VALIDATE_SOLUTION_STATUS plain ValidateSolutionStatus: Failed 0 Passed 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, text: &str) -> Option<u32> {
        enumeration(name).and_then(|enumeration| enumeration.number(text))
    }

    #[test]
    fn names_have_the_numbers_of_the_sdk() {
        for (enumeration, name, expected) in [
            ("EntityState", "Changed", 2),
            ("ConditionOperator", "Last7Days", 17),
            ("ConditionOperator", "EqualUserId", 41),
            ("ConditionOperator", "Contains", 49),
            ("ConditionOperator", "OlderThanXMonths", 53),
            ("ConditionOperator", "EqualUserOrUserTeams", 74),
            ("ConditionOperator", "EqualUserOrUserHierarchyAndTeams", 81),
            ("ConditionOperator", "DoesNotContainValues", 88),
            ("ConcurrencyBehavior", "IfRowVersionMatches", 1),
            ("AccessRights", "AssignAccess", 524_288),
            ("XrmAggregateType", "Max", 6),
            ("AggregateType", "Max", 6),
            ("RemoveDependencyStatus", "FatalError", 99),
        ] {
            assert_eq!(number(enumeration, name), Some(expected), "{enumeration} {name}");
        }
    }

    #[test]
    fn flags_are_the_sum_of_their_names_and_empty_text_is_zero() {
        assert_eq!(number("AccessRights", "ReadAccess WriteAccess"), Some(3));
        assert_eq!(number("AccessRights", " WriteAccess   ReadAccess WriteAccess "), Some(3));
        assert_eq!(number("AccessRights", "None"), Some(0));
        assert_eq!(number("EntityFilters", ""), Some(0));
        assert_eq!(number("AccessRights", "ReadAccess FlyAccess"), None);
        assert_eq!(
            number("ConcurrencyBehavior", "Default IfRowVersionMatches"),
            None,
            "is not a flags enumeration"
        );
        assert_eq!(number("ConcurrencyBehavior", ""), None);
        assert_eq!(number("NewInAVersionToCome", "Value"), None);
    }

    #[test]
    fn table_is_sorted_and_flags_do_not_overlap() {
        assert!(ALL.is_sorted_by(|one, next| one.name < next.name));
        for enumeration in ALL.iter().filter(|enumeration| enumeration.flags) {
            let bits: u32 = enumeration.members.iter().map(|(_, number)| number).sum();
            let union = enumeration.members.iter().fold(0, |union, (_, number)| union | number);
            assert_eq!(bits, union, "{}", enumeration.name);
        }
    }
}
