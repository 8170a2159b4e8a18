using Sluice.Cli.Input;
using Sluice.Cli.Output;

namespace Sluice.Cli;

/// <summary>A line that was not understood.</summary>
/// <param name="Input">The input's name.</param>
/// <param name="Line">The line's number, from 1.</param>
/// <param name="Reason">What is wrong with it.</param>
/// <param name="Excerpt">Its beginning, fit for a terminal.</param>
internal sealed record MalformedLine(string Input, long Line, Malformation Reason, string Excerpt);

/// <summary>The parser's own counts: what goes in. Written by the reader's thread; the numbers that progress shows may be read by others.</summary>
internal sealed class IngestCounters
{
    private const int MalformedKept = 5;
    private const int ExcerptBytes = 60;

    private readonly List<MalformedLine> _firstMalformed = [];
    private long _events;
    private long _malformed;

    /// <summary>Lines that were understood.</summary>
    public long Events => Volatile.Read(ref _events);

    /// <summary>Lines that were not; blank lines count as neither.</summary>
    public long Malformed => Volatile.Read(ref _malformed);

    /// <summary>The first few of them.</summary>
    public IReadOnlyList<MalformedLine> FirstMalformed => _firstMalformed;

    /// <summary>Hits, bytes and errors of the lines that were understood.</summary>
    public VisitTotals Totals { get; private set; }

    /// <summary>Bytes read as stored.</summary>
    public ByteCount StoredBytes { get; } = new();

    public void AddEvent(in LogRecord record)
    {
        Volatile.Write(ref _events, _events + 1);
        Totals = Totals.Add(1, record.Bytes, record.Status >= 400 ? 1 : 0);
    }

    public void AddMalformed(string input, long line, Malformation reason, ReadOnlySpan<byte> text)
    {
        Volatile.Write(ref _malformed, _malformed + 1);
        if (_firstMalformed.Count < MalformedKept)
            _firstMalformed.Add(new MalformedLine(input, line, reason, LogText.Excerpt(text, ExcerptBytes)));
    }
}
