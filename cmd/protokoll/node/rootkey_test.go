package node

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestOnCrypt(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	sys := fstest.MapFS{
		"dev/block/254:1/dm/uuid":            file("CRYPT-LUKS2-0a1b-data\n"),
		"dev/block/254:2/dm/uuid":            file("LVM-abc\n"), // a volume on an enciphered disk
		"dev/block/254:2/slaves/dm-1/dev":    file(""),
		"class/block/dm-1/dm/uuid":           file("CRYPT-LUKS2-0a1b-data\n"),
		"dev/block/9:0/slaves/dm-1/dev":      file(""), // a mirror, one half of which is bare
		"dev/block/9:0/slaves/sdb1/dev":      file(""),
		"class/block/sdb1/size":              file("1"),
		"dev/block/8:1/size":                 file("1"),
		"dev/block/9:9/slaves/loop/dev":      file(""), // impossible, and yet it ends
		"class/block/loop/slaves/loop/dev":   file(""),
		"dev/block/254:3/dm/uuid":            file("LVM-def"),
		"dev/block/254:3/slaves/sdb1/holder": file(""),
	}
	for device, want := range map[string]bool{"254:1": true, "254:2": true, "9:0": false, "8:1": false, "9:9": false, "254:3": false, "0:45": false} {
		if got := onCrypt(sys, "dev/block/"+device, maxDeviceDepth); got != want {
			t.Errorf("%s: got %v, want %v", device, got, want)
		}
	}
}

// A folder that the first start will make is judged by where it will lie.
func TestRootKeyOfAFolderToBe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	now, err := RootKey(folder)
	if err != nil {
		t.Fatal(err)
	}
	if later, err := RootKey(filepath.Join(folder, "not", "yet")); err != nil || later != now {
		t.Errorf("got %v, %v, want %v", later, err, now)
	}
}
