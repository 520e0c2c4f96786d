package retention

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the notices and records anew, to be read by a human before they are committed")

// TestPapers compares what the built-in policy says with what was read and found good. A digest stands in them: whoever changes the
// policy reads them again.
func TestPapers(t *testing.T) {
	t.Parallel()
	p := Default()
	for _, lang := range []string{"de", "en"} {
		for name, paper := range map[string]*Paper{"notice": p.Notice(lang), "record": p.Record(lang)} {
			var got bytes.Buffer
			if err := paper.Markdown(&got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+"."+lang+".md")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s is not what was read; go test ./retention -update, and read it:\n%s", file, diff)
			}
		}
	}
}

// What GDPR Art. 13 asks for is named in both languages, and no sentence has a gap.
func TestNoticeIsComplete(t *testing.T) {
	t.Parallel()
	p := Default()
	for _, lang := range []string{"de", "en"} {
		var b bytes.Buffer
		if err := p.Notice(lang).Markdown(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, gap := range []string{"%!", "%s", "  ", " .", " ,", "..", "0 h", "map["} {
			if strings.Contains(text, gap) {
				t.Errorf("%s: contains %q", lang, gap)
			}
		}
		for _, article := range []string{"Art. 6", "Art. 15", "Art. 16", "Art. 17", "Art. 18", "Art. 20", "Art. 21", "Art. 22", "Art. 77", "IP", p.Controller.Mail, p.Officer.Mail, p.Authority.Mail} {
			if !strings.Contains(text, article) {
				t.Errorf("%s: %s is not named", lang, article)
			}
		}
		for _, k := range p.Kinds {
			for _, said := range []Text{k.Title, k.What, k.Purpose, k.Recipients} {
				if !strings.Contains(text, languageOf(lang).pick(said)) {
					t.Errorf("%s: %s is not described: %q", lang, k.Name, languageOf(lang).pick(said))
				}
			}
		}
	}
}

func TestPeriodsInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d                                  time.Duration
		germanAfter, germanSpan, inEnglish string
	}{
		{time.Minute, "nach einer Minute", "eine Minute", "one minute"},
		{10 * time.Minute, "nach zehn Minuten", "zehn Minuten", "ten minutes"},
		{time.Hour, "nach einer Stunde", "eine Stunde", "one hour"},
		{90 * time.Minute, "nach 90 Minuten", "90 Minuten", "90 minutes"},
		{2 * time.Hour, "nach zwei Stunden", "zwei Stunden", "two hours"},
		{Day, "nach einem Tag", "einen Tag", "one day"},
		{36 * time.Hour, "nach 36 Stunden", "36 Stunden", "36 hours"},
		{Week, "nach sieben Tagen", "sieben Tage", "seven days"},
		{12 * Day, "nach zwölf Tagen", "zwölf Tage", "twelve days"},
		{30 * Day, "nach 30 Tagen", "30 Tage", "30 days"},
		{Year, "nach einem Jahr", "ein Jahr", "one year"},
		{3 * Year, "nach drei Jahren", "drei Jahre", "three years"},
	} {
		got := []string{german{}.after(c.d), german{}.span(c.d), english{}.after(c.d), english{}.span(c.d)}
		if want := []string{c.germanAfter, c.germanSpan, "after " + c.inEnglish, c.inEnglish}; !cmp.Equal(got, want) {
			t.Errorf("%v: %s", c.d, cmp.Diff(want, got))
		}
	}
}

func TestHTMLHoldsWhatMarkdownHolds(t *testing.T) {
	t.Parallel()
	p := &Paper{lang: "de"}
	p.title("A & B")
	p.list("**bold** and <plain>", "**open")
	p.paragraph("end")
	var b bytes.Buffer
	if err := p.HTML(&b); err != nil {
		t.Fatal(err)
	}
	const want = "<h1>A &amp; B</h1>\n<ul>\n<li><strong>bold</strong> and &lt;plain&gt;</li>\n<li>**open</li>\n</ul>\n<p>end</p>\n</html>\n"
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %s", b.String())
	}
}
