package rules

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("write", false, "write doap.xml anew")

// doapStatus is what XEP-0453 §4.2 calls our statuses. What is only cited is not ours to claim, and not there.
var doapStatus = map[string]string{"complete": "complete", "partial": "partial", "no": "planned"}

const doapHead = `<?xml version='1.0' encoding='UTF-8'?>
<!-- Made from docs/specs.tsv: go test ./internal/rules -run TestDoap -write -->
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'
         xmlns='http://usefulinc.com/ns/doap#'
         xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>
  <Project>
    <name>Protokoll</name>
    <shortdesc xml:lang='de'>XMPP-Server für Organisationen, die über gespeicherte Daten Rechenschaft ablegen müssen</shortdesc>
    <shortdesc xml:lang='en'>XMPP server for organisations that must be able to answer for the data they hold</shortdesc>
    <programming-language>Go</programming-language>
    <os>Linux</os>
    <license rdf:resource='https://www.apache.org/licenses/LICENSE-2.0'/>
    <category rdf:resource='https://linkmauve.fr/ns/xmpp-doap#category-server'/>
`

// doap describes the project in the vocabulary of XEP-0453. An RFC cannot be implemented in part there, so those that are stay in a comment.
func doap(specs []spec) []byte {
	var b bytes.Buffer
	b.WriteString(doapHead)
	for _, s := range specs {
		kind, number, _ := strings.Cut(s.name, "-")
		switch {
		case kind == "RFC" && s.status == "complete":
			fmt.Fprintf(&b, "    <implements rdf:resource='https://www.rfc-editor.org/info/rfc%s'/>\n", number)
		case kind == "RFC" && s.status == "partial":
			fmt.Fprintf(&b, "    <!-- in part: RFC %s, %s -->\n", number, strings.ReplaceAll(s.note, "--", "–"))
		case kind == "XEP" && doapStatus[s.status] != "":
			s.appendTo(&b, number)
		}
	}
	b.WriteString("  </Project>\n</rdf:RDF>\n")
	return b.Bytes()
}

func (s spec) appendTo(b *bytes.Buffer, number string) {
	fmt.Fprintf(b, "    <implements>\n      <xmpp:SupportedXep>\n        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-%s.html'/>\n", number)
	fmt.Fprintf(b, "        <xmpp:status>%s</xmpp:status>\n", doapStatus[s.status])
	if s.status != "no" { // no version of it is implemented
		fmt.Fprintf(b, "        <xmpp:version>%s</xmpp:version>\n", s.version)
	}
	if s.note != "" {
		b.WriteString("        <xmpp:note xml:lang='en'>")
		_ = xml.EscapeText(b, []byte(s.note)) // a bytes.Buffer takes everything
		b.WriteString("</xmpp:note>\n")
	}
	b.WriteString("      </xmpp:SupportedXep>\n    </implements>\n")
}

// doap.xml says what docs/specs.tsv says, as XML that others read.
func TestDoap(t *testing.T) {
	t.Parallel()
	want := doap(readSpecs(t))
	if err := xml.Unmarshal(want, new(struct{})); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "doap.xml")
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile(path); err != nil || !bytes.Equal(is, want) {
		t.Errorf("doap.xml is not what docs/specs.tsv says (%v): run `go test ./internal/rules -run TestDoap -write`", err)
	}
}
