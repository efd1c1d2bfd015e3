"""Notes, files and posts."""

CONTENT = """
# ContentVersion (068) no-replication no-delete
Id ContentDocumentId>ContentDocument!+ IsLatest:boolean- ContentUrl:url(1300) VersionNumber:string(20)-
Title:string(255)! Description:textarea(1000) ReasonForChange:string(1000) SharingOption:picklist!
SharingPrivacy:picklist! PathOnClient:string(500)+ RatingCount:int- IsDeleted:boolean- ContentModifiedDate:datetime-
ContentModifiedById>User- OwnerId>User! CreatedById>User!- CreatedDate:datetime!- LastModifiedById>User!-
LastModifiedDate:datetime!- SystemModstamp:datetime!- TagCsv:textarea(2000) FileType:string(20)!-
PublishStatus:picklist!- VersionData:base64 ContentSize:int- FileExtension:string(40)-
FirstPublishLocationId>Account|Contact|Lead|Opportunity|User+ Origin:picklist!+ ContentLocation:picklist!+
TextPreview:string(255)- Checksum:string(50)- IsMajorVersion:boolean+ IsAssetEnabled:boolean+
VersionDataUrl:url-

# ContentDocument (069) no-replication no-create
Id CreatedById>User!- CreatedDate:datetime!- LastModifiedById>User!- LastModifiedDate:datetime!- IsArchived:boolean
ArchivedById>>User- ArchivedDate:date- IsDeleted:boolean- OwnerId>User! SystemModstamp:datetime!- Title:string(255)!
PublishStatus:picklist!- LatestPublishedVersionId>ContentVersion- ParentId>>ContentWorkspace LastViewedDate:datetime-
LastReferencedDate:datetime- Description:textarea(1000) ContentSize:int- FileType:string(20)-
FileExtension:string(40)- SharingOption:picklist SharingPrivacy:picklist ContentModifiedDate:datetime-
ContentDocumentLinks=ContentDocumentLink.ContentDocumentId ContentVersions=ContentVersion.ContentDocumentId

# ContentNote (069) no-replication
Id Title:string(255)* Content:base64 ContentModifiedDate:datetime- ContentSize:int- CreatedById>User!-
CreatedDate:datetime!- FileExtension:string(40)- FileType:string(20)!- IsDeleted:boolean- IsReadOnly:boolean-
LastModifiedById>User!- LastModifiedDate:datetime!- LastViewedDate:datetime- LatestContentId>ContentBody-
LatestPublishedVersionId>ContentVersion- OwnerId>User! SharingPrivacy:picklist TextPreview:string(255)-

# ContentDocumentLink (06A) no-replication no-bulk
Id LinkedEntityId>Account|ContentWorkspace|Contact|EmailMessage|Event|Group|Lead|Opportunity|Organization|Task|User*+
ContentDocumentId>ContentDocument*+ IsDeleted:boolean- SystemModstamp:datetime!- ShareType:picklist
Visibility:picklist

# AttachedContentDocument no-query read-only no-replication no-bulk
Id IsDeleted:boolean- LinkedEntityId>Account|Contact|Lead|Opportunity!- ContentDocumentId>ContentDocument-
Title:string(255)!- CreatedById>User!- CreatedDate:datetime!- LastModifiedById>User!- LastModifiedDate:datetime!-
FileType:string(20)- ContentSize:int- FileExtension:string(40)- ContentUrl:url(1333)- SharingOption:picklist-

# Note (002)
Id IsDeleted:boolean- ParentId>Account|Contact|Lead|Opportunity*+ Title:string(80)* IsPrivate:boolean
Body:textarea(32000) OwnerId>User! @audit

# NoteAndAttachment no-query read-only no-replication no-bulk
Id IsDeleted:boolean- IsNote:boolean- ParentId>Account|Contact|Lead|Opportunity!- Title:string(80)- IsPrivate:boolean-
OwnerId>User!- @audit

# FeedItem (0D5)
Id ParentId>Account|Contact|Lead|Opportunity|User*+ Type:picklist+ CreatedById>User!+ CreatedDate:datetime!+
IsDeleted:boolean- LastModifiedDate:datetime!- SystemModstamp:datetime!- Revision:int+ LastEditById>>User+
LastEditDate:datetime+ CommentCount:int!- LikeCount:int!- Title:string(255) Body:textarea(10000)
LinkUrl:url(1000)+ IsRichText:boolean RelatedRecordId>>ContentVersion+ InsertedById>User!- HasContent:boolean-
HasLink:boolean- HasFeedEntity:boolean- IsClosed:boolean- Status:picklist

# LeadFeed no-create no-update no-bulk
Id ParentId>Lead!- Type:picklist- CreatedById>User!- CreatedDate:datetime!- IsDeleted:boolean-
LastModifiedDate:datetime!- SystemModstamp:datetime!- CommentCount:int!- LikeCount:int!- Title:string(255)-
Body:textarea(10000)- LinkUrl:url(1000)- IsRichText:boolean- RelatedRecordId>>ContentVersion- InsertedById>User-

# OpportunityFeed no-create no-update no-bulk
Id ParentId>Opportunity!- Type:picklist- CreatedById>User!- CreatedDate:datetime!- IsDeleted:boolean-
LastModifiedDate:datetime!- SystemModstamp:datetime!- CommentCount:int!- LikeCount:int!- Title:string(255)-
Body:textarea(10000)- LinkUrl:url(1000)- IsRichText:boolean- RelatedRecordId>>ContentVersion- InsertedById>User-
"""
