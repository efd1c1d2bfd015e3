"""Leads, opportunities and who they are about."""

SALES = """
# Lead (00Q)
Id IsDeleted:boolean- MasterRecordId>Lead- LastName:string(80)* FirstName:string(40) Salutation:picklist
Name:string(121)!- Title:string(128) Company:string(255)* Street:textarea(255) City:string(40) State:string(80)
PostalCode:string(20) Country:string(80) Latitude:double(18,15) Longitude:double(18,15) GeocodeAccuracy:picklist
Address:address Phone:phone MobilePhone:phone Fax:phone Email:email Website:url PhotoUrl:url-
Description:textarea(32000) LeadSource:picklist Status:picklist! Industry:picklist Rating:picklist
AnnualRevenue:currency(18,0) NumberOfEmployees:int OwnerId>Group|User! IsConverted:boolean+ ConvertedDate:date-
ConvertedAccountId>Account- ConvertedContactId>Contact- ConvertedOpportunityId>Opportunity- IsUnreadByOwner:boolean
@audit LastActivityDate:date- LastViewedDate:datetime- LastReferencedDate:datetime- Jigsaw:string(20)
CleanStatus:picklist EmailBouncedReason:string(255)~ EmailBouncedDate:datetime~
ActivityHistories=ActivityHistory.WhoId AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId EmailMessageRelations=EmailMessageRelation.RelationId
Events=Event.WhoId EventRelations=EventRelation.RelationId Feeds=LeadFeed.ParentId Histories=LeadHistory.LeadId
Notes=Note.ParentId NotesAndAttachments=NoteAndAttachment.ParentId OpenActivities=OpenActivity.WhoId Tasks=Task.WhoId

# Opportunity (006)
Id IsDeleted:boolean- AccountId>Account Name:string(120)* Description:textarea(32000) StageName:picklist*
Amount:currency(18,2) Probability:percent(3,0) ExpectedRevenue:currency(18,2)- TotalOpportunityQuantity:double(18,2)
CloseDate:date* Type:picklist NextStep:string(255) LeadSource:picklist IsClosed:boolean- IsWon:boolean-
ForecastCategory:picklist!- ForecastCategoryName:picklist CampaignId>Campaign HasOpportunityLineItem:boolean-
Pricebook2Id>Pricebook2 OwnerId>User! @audit LastActivityDate:date- PushCount:int- LastStageChangeDate:datetime-
FiscalQuarter:int- FiscalYear:int- Fiscal:string(6)- ContactId>Contact+ LastViewedDate:datetime-
LastReferencedDate:datetime- HasOpenActivity:boolean- HasOverdueTask:boolean-
ActivityHistories=ActivityHistory.WhatId AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId Emails=EmailMessage.RelatedToId Events=Event.WhatId
Feeds=OpportunityFeed.ParentId Histories=OpportunityFieldHistory.OpportunityId Notes=Note.ParentId
NotesAndAttachments=NoteAndAttachment.ParentId OpenActivities=OpenActivity.WhatId
OpportunityContactRoles=OpportunityContactRole.OpportunityId
OpportunityHistories=OpportunityHistory.OpportunityId Tasks=Task.WhatId

# Contact (003)
Id IsDeleted:boolean- MasterRecordId>Contact- AccountId>Account LastName:string(80)* FirstName:string(40)
Salutation:picklist Name:string(121)!- MailingStreet:textarea(255) MailingCity:string(40) MailingState:string(80)
MailingPostalCode:string(20) MailingCountry:string(80) MailingAddress:address Phone:phone Fax:phone MobilePhone:phone
HomePhone:phone OtherPhone:phone AssistantPhone:phone ReportsToId>Contact Email:email Title:string(128)
Department:string(80) AssistantName:string(40) LeadSource:picklist Birthdate:date Description:textarea(32000)
OwnerId>User! HasOptedOutOfEmail:boolean DoNotCall:boolean @audit LastActivityDate:date-
LastViewedDate:datetime- LastReferencedDate:datetime- EmailBouncedReason:string(255) EmailBouncedDate:datetime
IsEmailBounced:boolean- PhotoUrl:url-
ActivityHistories=ActivityHistory.WhoId AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId EmailMessageRelations=EmailMessageRelation.RelationId
Events=Event.WhoId EventRelations=EventRelation.RelationId Notes=Note.ParentId
NotesAndAttachments=NoteAndAttachment.ParentId OpenActivities=OpenActivity.WhoId
OpportunityContactRoles=OpportunityContactRole.ContactId Tasks=Task.WhoId

# Account (001)
Id IsDeleted:boolean- MasterRecordId>Account- Name:string(255)* Type:picklist ParentId>Account
BillingStreet:textarea(255) BillingCity:string(40) BillingState:string(80) BillingPostalCode:string(20)
BillingCountry:string(80) BillingAddress:address ShippingStreet:textarea(255) ShippingCity:string(40)
ShippingState:string(80) ShippingPostalCode:string(20) ShippingCountry:string(80) ShippingAddress:address Phone:phone
Fax:phone AccountNumber:string(40) Website:url PhotoUrl:url- Sic:string(20) Industry:picklist
AnnualRevenue:currency(18,0) NumberOfEmployees:int Ownership:picklist TickerSymbol:string(20)
Description:textarea(32000) Rating:picklist Site:string(80) OwnerId>User! @audit LastActivityDate:date-
LastViewedDate:datetime- LastReferencedDate:datetime- AccountSource:picklist SicDesc:string(80)
ActivityHistories=ActivityHistory.AccountId AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ChildAccounts=Account.ParentId Contacts=Contact.AccountId ContentDocumentLinks=ContentDocumentLink.LinkedEntityId
Emails=EmailMessage.RelatedToId Events=Event.WhatId Notes=Note.ParentId NotesAndAttachments=NoteAndAttachment.ParentId
OpenActivities=OpenActivity.AccountId Opportunities=Opportunity.AccountId Tasks=Task.WhatId

# OpportunityContactRole (00K)
Id OpportunityId>Opportunity*+ ContactId>Contact* Role:picklist IsPrimary:boolean @audit IsDeleted:boolean-

# LeadHistory (017) read-only
Id IsDeleted:boolean- LeadId>Lead!- CreatedById>User!- CreatedDate:datetime!- Field:picklist(255)!-
DataType:picklist(40)- OldValue:anyType- NewValue:anyType-

# OpportunityHistory (008) read-only
Id OpportunityId>Opportunity!- CreatedById>User!- CreatedDate:datetime!- StageName:picklist!- Amount:currency(18,2)-
ExpectedRevenue:currency(18,2)- CloseDate:date- Probability:percent(3,0)- FromForecastCategory:picklist-
ForecastCategory:picklist- PrevForecastUpdate:picklist- ForecastUpdate:picklist- PrevAmount:currency(18,2)-
PrevCloseDate:date- SystemModstamp:datetime!- IsDeleted:boolean-

# OpportunityFieldHistory (017) read-only
Id IsDeleted:boolean- OpportunityId>Opportunity!- CreatedById>User!- CreatedDate:datetime!- Field:picklist(255)!-
DataType:picklist(40)- OldValue:anyType- NewValue:anyType-

# OpportunityStage (01J) read-only no-replication no-bulk
Id MasterLabel:string(255)- ApiName:string(255)!- IsActive:boolean- SortOrder:int- IsClosed:boolean- IsWon:boolean-
ForecastCategory:picklist!- ForecastCategoryName:picklist!- DefaultProbability:percent(3,0)- Description:string(255)-
@audit

# LeadStatus (01J) read-only no-replication no-bulk
Id MasterLabel:string(255)- ApiName:string(255)!- SortOrder:int- IsDefault:boolean- IsConverted:boolean- @audit
"""
