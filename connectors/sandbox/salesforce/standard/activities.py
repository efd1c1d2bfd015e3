"""What was done with a lead: tasks, events and mails."""

ACTIVITIES = """
# Task (00T)
Id WhoId>Contact|Lead WhatId>Account|Opportunity Subject:combobox(255) ActivityDate:date Status:picklist!
Priority:picklist! IsHighPriority:boolean- OwnerId>Group|User! Description:textarea(32000) IsDeleted:boolean-
AccountId>Account- IsClosed:boolean- @audit IsArchived:boolean- CallDurationInSeconds:int CallType:picklist
CallDisposition:string(255) CallObject:string(255) ReminderDateTime:datetime IsReminderSet:boolean
RecurrenceActivityId>>Task- IsRecurrence:boolean+ RecurrenceStartDateOnly:date RecurrenceEndDateOnly:date
RecurrenceTimeZoneSidKey:picklist RecurrenceType:picklist RecurrenceInterval:int RecurrenceDayOfWeekMask:int
RecurrenceDayOfMonth:int RecurrenceInstance:picklist RecurrenceMonthOfYear:picklist
RecurrenceRegeneratedType:picklist TaskSubtype:picklist+ CompletedDateTime:datetime-
AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId RecurringTasks=Task.RecurrenceActivityId

# Event (00U)
Id WhoId>Contact|Lead WhatId>Account|Opportunity Subject:combobox(255) Location:string(255) IsAllDayEvent:boolean
ActivityDateTime:datetime ActivityDate:date DurationInMinutes:int StartDateTime:datetime EndDateTime:datetime
EndDate:date- Description:textarea(32000) AccountId>Account- OwnerId>User! IsPrivate:boolean ShowAs:picklist
IsDeleted:boolean- IsChild:boolean- IsGroupEvent:boolean- GroupEventType:picklist- @audit IsArchived:boolean-
RecurrenceActivityId>>Event- IsRecurrence:boolean+ RecurrenceStartDateTime:datetime RecurrenceEndDateOnly:date
RecurrenceTimeZoneSidKey:picklist RecurrenceType:picklist RecurrenceInterval:int RecurrenceDayOfWeekMask:int
RecurrenceDayOfMonth:int RecurrenceInstance:picklist RecurrenceMonthOfYear:picklist ReminderDateTime:datetime
IsReminderSet:boolean EventSubtype:picklist+
AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId EventRelations=EventRelation.EventId
RecurringEvents=Event.RecurrenceActivityId

# EventRelation (0RE)
Id RelationId>Contact|Lead|User*+ EventId>Event*+ Status:picklist RespondedDate:datetime Response:string(255) @audit
IsDeleted:boolean-

# EmailMessage (02s)
Id ParentId>Case ActivityId>Task @audit TextBody:textarea(32000) HtmlBody:textarea(131072) Headers:textarea(32000)
Subject:string(3000) FromName:string(1000) FromAddress:email(1000) ValidatedFromAddress:picklist(1333)
ToAddress:string(4000) CcAddress:string(4000) BccAddress:string(4000) Incoming:boolean HasAttachment:boolean-
Status:picklist! MessageDate:datetime IsDeleted:boolean- ReplyToEmailMessageId>EmailMessage
IsExternallyVisible:boolean MessageIdentifier:string(765) ThreadIdentifier:string(765) IsClientManaged:boolean
IsTracked:boolean FirstOpenedDate:datetime LastOpenedDate:datetime IsBounced:boolean-
RelatedToId>Account|Case|Contact|Lead|Opportunity
AttachedContentDocuments=AttachedContentDocument.LinkedEntityId
ContentDocumentLinks=ContentDocumentLink.LinkedEntityId EmailMessageRelations=EmailMessageRelation.EmailMessageId

# EmailMessageRelation (0CZ) no-update no-bulk
Id EmailMessageId>EmailMessage*+ RelationId>Contact|Lead|User+ RelationType:picklist*+ RelationAddress:string(255)+
RelationObjectType:string(40)- CreatedDate:datetime!- CreatedById>User!- SystemModstamp:datetime!- IsDeleted:boolean-

# ActivityHistory no-query read-only no-replication no-bulk
Id AccountId>Account- WhoId>Contact|Lead- WhatId>Account|Opportunity- Subject:combobox(255)- IsTask:boolean-
ActivityDate:date- OwnerId>Group|User- Status:picklist- Priority:picklist- IsHighPriority:boolean-
ActivityType:picklist- IsClosed:boolean- IsAllDayEvent:boolean- DurationInMinutes:int- Location:string(255)-
Description:textarea(32000)- IsDeleted:boolean- @audit CallDurationInSeconds:int- CallType:picklist-
CallDisposition:string(255)- EndDateTime:datetime- StartDateTime:datetime- ActivitySubtype:picklist-
AlternateDetailId>EmailMessage-

# OpenActivity no-query read-only no-replication no-bulk
Id AccountId>Account- WhoId>Contact|Lead- WhatId>Account|Opportunity- Subject:combobox(255)- IsTask:boolean-
ActivityDate:date- OwnerId>Group|User- Status:picklist- Priority:picklist- IsHighPriority:boolean-
ActivityType:picklist- IsClosed:boolean- IsAllDayEvent:boolean- DurationInMinutes:int- Location:string(255)-
Description:textarea(32000)- IsDeleted:boolean- @audit CallDurationInSeconds:int- CallType:picklist-
CallDisposition:string(255)- EndDateTime:datetime- StartDateTime:datetime- ActivitySubtype:picklist-
AlternateDetailId>EmailMessage-
"""
