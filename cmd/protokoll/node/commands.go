package node

import "protokoll/internal/control"

// Version is what this program calls itself.
const Version = "0.1.0"

// The commands that work on a running server and on a stopped folder.
const (
	CommandAccountAdd      = "account.add"
	CommandAccountList     = "account.list"
	CommandAccountShow     = "account.show"
	CommandAccountPasswd   = "account.passwd"
	CommandDevices         = "account.devices"
	CommandDeviceRevoke    = "account.devices.revoke"
	CommandDevicePassword  = "account.device_password"
	CommandRebuild         = "rebuild"
	CommandRebuildCheck    = "rebuild.check"
	CommandRetentionStatus = "retention.status"
	CommandRetentionPlan   = "retention.plan"
	CommandRetentionRun    = "retention.run"
	CommandErasePlan       = "erase.plan"
	CommandErase           = "erase"
	CommandRestrict        = "restrict"
	CommandUnrestrict      = "unrestrict"
	CommandRectify         = "rectify"
	CommandObject          = "object"
)

// Commands returns what can be asked of a store.
func (s *Store) Commands() map[string]control.Handler {
	return map[string]control.Handler{
		CommandAccountAdd:      s.accountAdd,
		CommandAccountList:     s.accountList,
		CommandAccountShow:     s.accountShow,
		CommandAccountPasswd:   s.accountPasswd,
		CommandDevices:         s.accountDevices,
		CommandDeviceRevoke:    s.deviceRevoke,
		CommandDevicePassword:  s.devicePasswordMake,
		CommandRebuild:         s.rebuild,
		CommandRebuildCheck:    s.rebuildCheck,
		CommandRetentionStatus: s.retentionStatus,
		CommandRetentionPlan:   s.retentionPlan,
		CommandRetentionRun:    s.retentionRun,
		CommandErasePlan:       s.rightsCommand(erasePlan),
		CommandErase:           s.rightsCommand(erase),
		CommandRestrict:        s.rightsCommand(restrict),
		CommandUnrestrict:      s.rightsCommand(unrestrict),
		CommandRectify:         s.rightsCommand(rectify),
		CommandObject:          s.rightsCommand(object),
		CommandAuditCheckpoint: s.auditCheckpoint,
		CommandAuditProve:      s.auditProve,
		CommandAuditShow:       s.auditShow,
		CommandBackup:          s.backup,
		CommandBackupForget:    s.backupForget,
		CommandAccountPast:     s.accountPast,
		CommandAccountRestore:  s.accountRestore,
		CommandRebuildUntil:    s.rebuildUntil,
		CommandDigest:          s.digest,
		CommandExport:          s.export,
		CommandExportFile:      s.exportFile,
		CommandImportPlan:      s.importPlan,
		CommandImport:          s.importAccounts,
	}
}
