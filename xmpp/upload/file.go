package upload

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/uploads"
	"protokoll/xmpp/features"
)

// briefType is the event of a file with a time set for its end.
const briefType = "upload.brief"

// File is a stored file as its event has it.
type File interface {
	proto.Message
	GetId() []byte
	GetFileName() string
	GetMediaType() string
	GetSize() int64
	GetReceived() int64
	GetExpires() int64
	GetPurpose() schemas.UploadPurpose
	GetKey() []byte
}

// entity is the natural key of a file.
func entity(id []byte) string { return hex.EncodeToString(id) }

// eventOf makes the event of a file that was put into a slot.
func eventOf(s *slot, key uploads.Key, received, expires time.Time) File {
	at, end := received.UnixMilli(), int64(0)
	if !expires.IsZero() {
		end = expires.UnixMilli()
	}
	switch {
	case s.purpose == schemas.UploadPurpose_FOR_LIMITED:
		return &schemas.UploadedBriefly{Id: s.id[:], FileName: s.name, MediaType: s.mediaType, Size: s.size, Received: at,
			Expires: end, Purpose: s.purpose, Key: key[:]}
	case kept(s.purpose):
		return &schemas.UploadedForGood{Id: s.id[:], FileName: s.name, MediaType: s.mediaType, Size: s.size, Received: at,
			Expires: end, Purpose: s.purpose, Key: key[:]}
	}
	return &schemas.Uploaded{Id: s.id[:], FileName: s.name, MediaType: s.mediaType, Size: s.size, Received: at,
		Expires: end, Purpose: s.purpose, Key: key[:]}
}

// over tells whether a file is past its time.
func over(f File, now time.Time) bool {
	return f.GetExpires() != 0 && now.UnixMilli() >= f.GetExpires()
}

// use is what an account has of the kind of files that a purpose belongs to, oldest first.
func use(all []proto.Message, p schemas.UploadPurpose, now time.Time) (files []File, bytes int64) {
	for _, m := range all {
		f, ok := m.(File)
		if !ok || kept(f.GetPurpose()) != kept(p) || over(f, now) {
			continue
		}
		files, bytes = append(files, f), bytes+f.GetSize()
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.GetReceived(), b.GetReceived()), slices.Compare(a.GetId(), b.GetId()))
	})
	return files, bytes
}

// place decides under the account's lock what a new file does to it: it returns the facts, or errFull. A file for the profile takes the
// place of the oldest ones. XEP-0363 §5.2
func place(f features.Facts, l Limits, file File, now time.Time) ([]eventlog.Fact, error) {
	all, err := f.All(schemas.Family_UPLOAD_FACTS)
	if err != nil {
		return nil, err
	}
	most := l.roomFor(file.GetPurpose())
	files, bytes := use(all, file.GetPurpose(), now)
	facts := []eventlog.Fact{eventlog.Set(entity(file.GetId()), file)}
	count := len(files)
	for i := 0; count >= most.files || bytes+file.GetSize() > most.bytes; i++ {
		if file.GetPurpose() != schemas.UploadPurpose_FOR_PROFILE || i == len(files) {
			return nil, errFull
		}
		if files[i].GetPurpose() == schemas.UploadPurpose_FOR_PROFILE {
			facts = append(facts, eventlog.End(schemas.Family_UPLOAD_FACTS, entity(files[i].GetId())))
			count, bytes = count-1, bytes-files[i].GetSize()
		}
	}
	return facts, nil
}
