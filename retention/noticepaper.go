package retention

import (
	"html"
	"io"
	"strings"
)

// Paper is a text that people read: a notice or a record.
type Paper struct {
	lang   string
	blocks []block
}

type block struct {
	kind kind
	text string // **bold** is the only mark in it
}

type kind uint8

const (
	title kind = iota
	heading
	subheading
	paragraph
	item
)

func (p *Paper) title(text string)      { p.blocks = append(p.blocks, block{title, text}) }
func (p *Paper) heading(text string)    { p.blocks = append(p.blocks, block{heading, text}) }
func (p *Paper) subheading(text string) { p.blocks = append(p.blocks, block{subheading, text}) }

// paragraph joins sentences; empty ones are left out.
func (p *Paper) paragraph(sentences ...string) {
	var said []string
	for _, s := range sentences {
		if s != "" {
			said = append(said, s)
		}
	}
	p.blocks = append(p.blocks, block{paragraph, strings.Join(said, " ")})
}

func (p *Paper) list(items ...string) {
	for _, i := range items {
		p.blocks = append(p.blocks, block{item, i})
	}
}

// Markdown writes the paper as CommonMark.
func (p *Paper) Markdown(out io.Writer) error {
	marks := map[kind]string{title: "# ", heading: "## ", subheading: "### ", item: "- "}
	var b strings.Builder
	for i, block := range p.blocks {
		if i > 0 && (block.kind != item || p.blocks[i-1].kind != item) {
			b.WriteByte('\n')
		}
		b.WriteString(marks[block.kind] + strings.Join(strings.Fields(block.text), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// HTML writes the paper as one page.
func (p *Paper) HTML(out io.Writer) error {
	tags := map[kind]string{title: "h1", heading: "h2", subheading: "h3", paragraph: "p", item: "li"}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"" + html.EscapeString(p.lang) + "\">\n<meta charset=\"utf-8\">\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width\">\n<title>" + html.EscapeString(p.blocks[0].text) + "</title>\n")
	b.WriteString("<style>body{max-width:45em;margin:2em auto;padding:0 1em;font-family:sans-serif;line-height:1.5}</style>\n")
	for i, block := range p.blocks {
		if block.kind == item && p.blocks[i-1].kind != item {
			b.WriteString("<ul>\n")
		}
		b.WriteString("<" + tags[block.kind] + ">" + bold(html.EscapeString(block.text)) + "</" + tags[block.kind] + ">\n")
		if block.kind == item && (i+1 == len(p.blocks) || p.blocks[i+1].kind != item) {
			b.WriteString("</ul>\n")
		}
	}
	b.WriteString("</html>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// bold turns pairs of ** into elements; a single one stays.
func bold(text string) string {
	for {
		before, rest, ok := strings.Cut(text, "**")
		inside, after, closed := strings.Cut(rest, "**")
		if !ok || !closed {
			return text
		}
		text = before + "<strong>" + inside + "</strong>" + after
	}
}
