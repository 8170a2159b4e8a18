using Sluice.Cli.Workers;

namespace Sluice.Cli.Sessions;

/// <summary>
/// Lines on their way from the reader to one worker: their numbers in one array, their keys and pages as bytes in another. Reused; owned by the
/// reader until it is sent, and by the worker until it is given back.
/// </summary>
internal sealed class ViewBatch
{
    public const int MaxEntries = 512;
    private const int TextLimit = 64 * 1024;

    private readonly Entry[] _entries = new Entry[MaxEntries];
    private byte[] _text = new byte[TextLimit];
    private int _textLength;

    public int Count { get; private set; }

    public bool IsFull => Count == MaxEntries || _textLength >= TextLimit;

    public ReadOnlySpan<Entry> Entries => _entries.AsSpan(0, Count);

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> page, long bytes, bool isError, long seenTicks, long stampTicks, long clockTicks, long line = 0)
    {
        int needed = _textLength + key.Length + page.Length;
        if (needed > _text.Length)
            Array.Resize(ref _text, Math.Max(needed, _text.Length * 2));
        key.CopyTo(_text.AsSpan(_textLength));
        page.CopyTo(_text.AsSpan(_textLength + key.Length));
        _entries[Count++] = new Entry(_textLength, key.Length, page.Length, bytes, isError, seenTicks, stampTicks, clockTicks, line);
        _textLength = needed;
    }

    public ReadOnlySpan<byte> Key(in Entry entry) => _text.AsSpan(entry.Offset, entry.KeyLength);

    public ReadOnlySpan<byte> Page(in Entry entry) => _text.AsSpan(entry.Offset + entry.KeyLength, entry.PageLength);

    /// <summary>One line by itself.</summary>
    public HandedLine Copy(int index)
    {
        ref readonly Entry entry = ref Entries[index];
        return new HandedLine(
            entry.Line, Key(in entry).ToArray(), Page(in entry).ToArray(), entry.Bytes, entry.IsError, entry.SeenTicks, entry.StampTicks, entry.ClockTicks);
    }

    /// <summary>Adds a line that was handed out before.</summary>
    public void Add(HandedLine line) => Add(line.Key, line.Page, line.Bytes, line.IsError, line.SeenTicks, line.StampTicks, line.ClockTicks, line.Number);

    public void Clear()
    {
        Count = 0;
        _textLength = 0;
    }

    /// <summary>One line.</summary>
    internal readonly record struct Entry(
        int Offset, int KeyLength, int PageLength, long Bytes, bool IsError, long SeenTicks, long StampTicks, long ClockTicks, long Line);
}
