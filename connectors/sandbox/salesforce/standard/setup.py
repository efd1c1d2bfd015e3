"""Who works in the org and what they may see, and what the org says about its own objects."""

SETUP = """
# User (005) no-delete
Id Username:string(80)* LastName:string(80)* FirstName:string(40) Name:string(121)!- CompanyName:string(80)
Department:string(80) Title:string(80) Email:email(128)* Phone:phone MobilePhone:phone Alias:string(8)*
CommunityNickname:string(40)! IsActive:boolean TimeZoneSidKey:picklist* UserRoleId>UserRole LocaleSidKey:picklist*
EmailEncodingKey:picklist* ProfileId>Profile* UserType:picklist- LanguageLocaleKey:picklist*
EmployeeNumber:string(20) ManagerId>User LastLoginDate:datetime- @audit ContactId>Contact+ AccountId>Account-
FullPhotoUrl:url(1024)- SmallPhotoUrl:url(1024)- LastViewedDate:datetime- LastReferencedDate:datetime-

# UserRole (00E)
Id Name:string(80)* ParentRoleId>>UserRole RollupDescription:string(80) LastModifiedDate:datetime!-
LastModifiedById>User!- SystemModstamp:datetime!- DeveloperName:string(80)

# Group (00G)
Id Name:string(40)* DeveloperName:string(80) RelatedId>User|UserRole- Type:picklist!+ Email:email(255)
OwnerId>Organization|User!- DoesSendEmailToMembers:boolean DoesIncludeBosses:boolean @audit

# GroupMember (011) no-update
Id GroupId>Group*+ UserOrGroupId>>Group|User*+ SystemModstamp:datetime!-

# QueueSobject (03g) no-update
Id QueueId>Group*+ SobjectType:picklist*+ CreatedById>User!- SystemModstamp:datetime!-

# AssignmentRule (01Q) read-only no-replication
Id Name:string(120)- SobjectType:picklist- Active:boolean- CreatedById>User!- CreatedDate:datetime!-
LastModifiedById>User!- LastModifiedDate:datetime!- SystemModstamp:datetime!-

# Organization (00D) no-create no-delete no-replication
Id Name:string(80)! Division:string(80) Street:textarea(255) City:string(40) State:string(80) PostalCode:string(20)
Country:string(80) Address:address Phone:phone Fax:phone PrimaryContact:string(80) DefaultLocaleSidKey:picklist!
TimeZoneSidKey:picklist! LanguageLocaleKey:picklist! FiscalYearStartMonth:int- OrganizationType:picklist-
NamespacePrefix:string(15)- InstanceName:string(5)- IsSandbox:boolean- IsReadOnly:boolean-
TrialExpirationDate:datetime- SystemModstamp:datetime!- CreatedDate:datetime!- CreatedById>User!-
LastModifiedDate:datetime!- LastModifiedById>User!-

# Profile (00e) no-create no-delete no-replication
Id Name:string(255)! PermissionsApiEnabled:boolean PermissionsViewAllData:boolean PermissionsModifyAllData:boolean
PermissionsQueryAllFiles:boolean PermissionsCustomizeApplication:boolean PermissionsModifyMetadata:boolean
PermissionsConvertLeads:boolean UserLicenseId>UserLicense!- UserType:picklist- @audit Description:string(255)

# PermissionSet (0PS) no-replication
Id Name:string(80)* Label:string(80)* LicenseId>UserLicense+ ProfileId>Profile- IsOwnedByProfile:boolean-
IsCustom:boolean- Type:picklist- PermissionsApiEnabled:boolean PermissionsViewAllData:boolean
PermissionsModifyAllData:boolean PermissionsQueryAllFiles:boolean PermissionsCustomizeApplication:boolean
PermissionsModifyMetadata:boolean PermissionsConvertLeads:boolean Description:string(255) @audit
NamespacePrefix:string(15)- HasActivationRequired:boolean
Assignments=PermissionSetAssignment.PermissionSetId FieldPerms=FieldPermissions.ParentId
ObjectPerms=ObjectPermissions.ParentId

# PermissionSetAssignment (0Pa) no-replication no-update
Id PermissionSetId>PermissionSet*+ AssigneeId>User*+ SystemModstamp:datetime!- IsActive:boolean-

# FieldPermissions (01k) no-replication
Id ParentId>PermissionSet*+ SobjectType:picklist*+ Field:picklist(255)*+ PermissionsEdit:boolean
PermissionsRead:boolean SystemModstamp:datetime!-

# ObjectPermissions (110) no-replication
Id ParentId>PermissionSet*+ SobjectType:picklist*+ PermissionsCreate:boolean PermissionsRead:boolean
PermissionsEdit:boolean PermissionsDelete:boolean PermissionsViewAllRecords:boolean
PermissionsModifyAllRecords:boolean @audit

# RecordType (012) no-replication no-delete
Id Name:string(80)* DeveloperName:string(80)* NamespacePrefix:string(15)- Description:string(255)
SobjectType:picklist*+ IsActive:boolean CreatedById>User!- CreatedDate:datetime!- LastModifiedById>User!-
LastModifiedDate:datetime!- SystemModstamp:datetime!-

# ListView (00B) read-only no-replication
Id Name:string(40)!- DeveloperName:string(80)!- NamespacePrefix:string(15)- SobjectType:picklist(255)-
IsSoqlCompatible:boolean- @audit LastViewedDate:datetime- LastReferencedDate:datetime-

# EntityDefinition (4ie) read-only no-replication no-bulk
Id- DurableId:string(255)- LastModifiedDate:datetime!- LastModifiedById>User!- QualifiedApiName:string(70)!-
NamespacePrefix:string(15)- DeveloperName:string(60)- MasterLabel:string(40)!- Label:string(255)-
PluralLabel:string(40)- IsCustomizable:boolean- IsApexTriggerable:boolean- IsWorkflowEnabled:boolean-
KeyPrefix:string(3)- IsReplicateable:boolean- IsTriggerable:boolean- IsEverCreatable:boolean-
IsEverUpdatable:boolean- IsEverDeletable:boolean- IsQueryable:boolean- InternalSharingModel:string(15)!-
ExternalSharingModel:string(15)!-
Fields=FieldDefinition.EntityDefinitionId

# FieldDefinition read-only no-replication no-bulk
Id- DurableId:string(255)- QualifiedApiName:string(70)!- EntityDefinitionId>EntityDefinition-
NamespacePrefix:string(15)- DeveloperName:string(60)- MasterLabel:string(40)!- Label:string(255)- Length:int-
DataType:string(255)- IsCalculated:boolean- IsNameField:boolean- IsNillable:boolean- Precision:int- Scale:int-
IsFieldHistoryTracked:boolean- IsIndexed:boolean- IsApiFilterable:boolean- IsApiSortable:boolean-
IsApiGroupable:boolean- LastModifiedDate:datetime!- LastModifiedById>User!- RelationshipName:string(80)-
IsCompound:boolean- IsPolymorphicForeignKey:boolean- Description:textarea(1000)-

# Name no-query read-only no-replication no-bulk
Id Name:string(255)- LastName:string(80)- FirstName:string(40)- Type:picklist- Alias:string(8)- UserRoleId>UserRole-
RecordTypeId>RecordType- IsActive:boolean- ProfileId>Profile- Title:string(128)- Email:email- Phone:phone-
NameOrAlias:string(80)- Username:string(80)- LastViewedDate:datetime- LastReferencedDate:datetime-
"""
