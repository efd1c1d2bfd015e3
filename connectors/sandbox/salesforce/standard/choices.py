"""Picklist values of a new org, and which fields take no others."""

_INDUSTRIES = (
    "Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education|Electronics|"
    "Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare|Hospitality|"
    "Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology|Telecommunications|"
    "Transportation|Utilities|Other"
)
_SOURCES = "Web|Phone Inquiry|Partner Referral|Purchased List|Other"
_SALUTATIONS = "Mr.|Ms.|Mrs.|Dr.|Prof."
_FORECASTS = "Omitted|Pipeline|BestCase|MostLikely|Forecast|Closed"
_FORECAST_NAMES = "Omitted|Pipeline|Best Case|Most Likely|Commit|Closed"
STAGES = (
    "Prospecting|Qualification|Needs Analysis|Value Proposition|Id. Decision Makers|Perception Analysis|"
    "Proposal/Price Quote|Negotiation/Review|Closed Won|Closed Lost"
)
_FEED_TYPES = (
    "TrackedChange|UserStatus|TextPost|AdvancedTextPost|LinkPost|ContentPost|PollPost|RypplePost|ProfileSkillPost|"
    "DashboardComponentSnapshot|ApprovalPost|CaseCommentPost|ReplyPost|EmailMessageEvent|CallLogPost|ChangeStatusPost|"
    "AttachArticleEvent|MilestoneEvent|ActivityEvent|ChatTranscriptPost|CollaborationGroupCreated|"
    "CollaborationGroupUnarchived|SocialPost|QuestionPost|FacebookPost|BasicTemplateFeedItem|CreateRecordEvent|"
    "CanvasPost|AnnouncementPost"
)
_ACCURACIES = "Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown"
_TASK_SUBTYPES = "Task|Email|ListEmail|Cadence|Call"

_TEXTS = {
    "Lead.Salutation": _SALUTATIONS,
    "Lead.LeadSource": _SOURCES,
    "Lead.Status": "Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted",
    "Lead.Industry": _INDUSTRIES,
    "Lead.Rating": "Hot|Warm|Cold",
    "Lead.GeocodeAccuracy": _ACCURACIES,
    "Lead.CleanStatus": "Matched|Different|Acknowledged|NotFound|Inactive|Pending|SelectMatch|Skipped",
    "Opportunity.StageName": STAGES,
    "Opportunity.LeadSource": _SOURCES,
    "Opportunity.ForecastCategory": _FORECASTS,
    "Opportunity.ForecastCategoryName": _FORECAST_NAMES,
    "Contact.Salutation": _SALUTATIONS,
    "Contact.LeadSource": _SOURCES,
    "Account.Industry": _INDUSTRIES,
    "Account.Rating": "Hot|Warm|Cold",
    "Account.AccountSource": _SOURCES,
    "OpportunityStage.ForecastCategory": _FORECASTS,
    "OpportunityStage.ForecastCategoryName": _FORECAST_NAMES,
    "OpportunityHistory.StageName": STAGES,
    "OpportunityHistory.ForecastCategory": _FORECASTS,
    "OpportunityContactRole.Role": (
        "Business User|Decision Maker|Economic Buyer|Economic Decision Maker|Evaluator|Executive Sponsor|Influencer|"
        "Technical Buyer|Other"
    ),
    "Task.Status": "Not Started|In Progress|Completed|Waiting on someone else|Deferred",
    "Task.Priority": "High|Normal|Low",
    "Task.CallType": "Internal|Inbound|Outbound",
    "Task.TaskSubtype": _TASK_SUBTYPES,
    "ActivityHistory.ActivitySubtype": f"{_TASK_SUBTYPES}|Event",
    "OpenActivity.ActivitySubtype": f"{_TASK_SUBTYPES}|Event",
    "Event.ShowAs": "Busy|OutOfOffice|Free",
    "Event.GroupEventType": "0|1|2|3",
    "Event.EventSubtype": "Event",
    "EventRelation.Status": "New|Declined|Accepted",
    # New, Read, Replied, Sent, Forwarded, Draft.
    "EmailMessage.Status": "0|1|2|3|4|5",
    "EmailMessageRelation.RelationType": "ToAddress|CcAddress|BccAddress|FromAddress|OtherAddress",
    "ContentVersion.SharingOption": "A|R",
    "ContentVersion.SharingPrivacy": "N|P",
    "ContentVersion.PublishStatus": "U|P|R",
    "ContentVersion.Origin": "C|H",
    "ContentVersion.ContentLocation": "S|E|L",
    "ContentDocument.SharingOption": "A|R",
    "ContentDocument.SharingPrivacy": "N|P",
    "ContentDocument.PublishStatus": "U|P|R",
    "ContentNote.SharingPrivacy": "N|P",
    "ContentDocumentLink.ShareType": "V|C|I",
    "ContentDocumentLink.Visibility": "AllUsers|InternalUsers|SharedUsers",
    "FeedItem.Type": _FEED_TYPES,
    "FeedItem.Status": "Published|PendingReview",
    "LeadFeed.Type": _FEED_TYPES,
    "OpportunityFeed.Type": _FEED_TYPES,
    "Group.Type": "Regular|Role|RoleAndSubordinates|Organization|Territory|TerritoryAndSubordinates|Queue",
    "PermissionSet.Type": "Regular|Standard|Profile|Session|Group",
    "User.UserType": "Standard|PowerPartner|CSPLitePortal|CustomerSuccess|PowerCustomerSuccess|CsnOnly|Guest",
}
CHOICES = {name: tuple(text.split("|")) for name, text in _TEXTS.items()}
DEFAULTS: dict[str, object] = {
    "Lead.Status": "Open - Not Contacted",
    "Task.Status": "Not Started",
    "Task.Priority": "Normal",
    "Task.TaskSubtype": "Task",
    "Event.ShowAs": "Busy",
    "Event.EventSubtype": "Event",
    "EmailMessage.Status": "5",
    "ContentDocumentLink.Visibility": "AllUsers",
    "User.IsActive": True,
    "RecordType.IsActive": True,
}
RESTRICTED = frozenset(
    {
        "Lead.GeocodeAccuracy",
        "Lead.CleanStatus",
        "Opportunity.ForecastCategory",
        "Task.CallType",
        "Task.TaskSubtype",
        "Event.ShowAs",
        "Event.EventSubtype",
        "EventRelation.Status",
        "EmailMessage.Status",
        "EmailMessageRelation.RelationType",
        "ContentVersion.SharingOption",
        "ContentVersion.SharingPrivacy",
        "ContentVersion.PublishStatus",
        "ContentVersion.Origin",
        "ContentVersion.ContentLocation",
        "ContentDocument.SharingOption",
        "ContentDocument.SharingPrivacy",
        "ContentNote.SharingPrivacy",
        "ContentDocumentLink.ShareType",
        "ContentDocumentLink.Visibility",
        "FeedItem.Type",
        "FeedItem.Status",
        "Group.Type",
    }
)
