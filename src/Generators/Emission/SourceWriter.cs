using System.Text;

namespace Sluice.Generators.Emission;

/// <summary>Text with indentation. Lines end the same way on every system, so that the same declaration gives the same file.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;

    public void Line(string line = "")
    {
        if (line.Length != 0)
            _text.Append(' ', _depth * 4).Append(line);
        _text.Append('\n');
    }

    /// <summary>Several lines, each indented.</summary>
    public void Lines(string lines)
    {
        foreach (string line in lines.Replace("\r", "").Split('\n'))
            Line(line);
    }

    public void Open(string header)
    {
        Line(header);
        Line("{");
        _depth++;
    }

    public void Close()
    {
        _depth--;
        Line("}");
    }

    public override string ToString() => _text.ToString();
}
