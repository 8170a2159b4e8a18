namespace Sluice.Cli.Input;

/// <summary>
/// The Apache/nginx combined and common formats: <c>client ident user [time] "request" status bytes "referrer" "agent"</c>.
/// </summary>
/// <remarks>
/// A line counts when client, time, request, status and size are whole. What follows the size is wanted but not needed: it may be missing (the
/// common format), cut off (a line whose closing quote is missing), or longer (formats that append fields). Quoted parts may contain <c>\"</c>.
/// </remarks>
internal sealed class CombinedLogParser : LogParser
{
    public override Malformation Parse(ReadOnlySpan<byte> line, out LogRecord record)
    {
        record = default;
        int clientEnd = line.IndexOf((byte)' ');
        if (clientEnd <= 0)
            return Malformation.NoClient;
        record.Client = line[..clientEnd];

        if (!TryFindTime(line, clientEnd, out long ticks, out int position, out Malformation reason))
            return reason;
        record.Ticks = ticks;

        ReadOnlySpan<byte> rest = line[position..];
        if (rest.Length < 2 || rest[0] != ' ' || !TryReadQuoted(rest[1..], out ReadOnlySpan<byte> request, out ReadOnlySpan<byte> afterRequest))
            return Malformation.NoRequest;
        SplitRequest(request, ref record);

        rest = afterRequest;
        if (rest.Length < 4 || rest[0] != ' ' || !TryReadNumber(rest.Slice(1, 3), 999, out long status) || status < 100 || (rest.Length > 4 && rest[4] != ' '))
            return Malformation.BadStatus;
        record.Status = (int)status;
        record.StatusText = rest.Slice(1, 3);

        rest = rest.Length > 5 ? rest[5..] : default;
        int sizeEnd = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> size = sizeEnd < 0 ? rest : rest[..sizeEnd];
        long bytes = 0;
        if (!size.SequenceEqual("-"u8) && !TryReadNumber(size, MaxBytes, out bytes))
            return Malformation.BadBytes;
        record.Bytes = bytes;

        rest = sizeEnd < 0 ? default : rest[(sizeEnd + 1)..];
        record.Referrer = OptionalQuoted(rest, out rest);
        record.Agent = OptionalQuoted(rest.IsEmpty ? rest : rest[1..], out _);
        return Malformation.None;
    }

    // A user name may hold spaces and brackets, so the time is the first bracket that holds one.
    private static bool TryFindTime(ReadOnlySpan<byte> line, int from, out long ticks, out int end, out Malformation reason)
    {
        ticks = 0;
        end = 0;
        reason = Malformation.NoTime;
        while (true)
        {
            int found = line[from..].IndexOf(" ["u8);
            if (found < 0)
                return false;
            from += found + 2;
            if (line.Length - from > LogTimestamp.CommonLength && line[from + LogTimestamp.CommonLength] == ']'
                && LogTimestamp.TryParseCommon(line.Slice(from, LogTimestamp.CommonLength), out ticks))
            {
                end = from + LogTimestamp.CommonLength + 1;
                return true;
            }

            reason = Malformation.BadTime;
        }
    }

    private static bool TryReadQuoted(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> quoted, out ReadOnlySpan<byte> rest)
    {
        quoted = default;
        rest = default;
        if (text.IsEmpty || text[0] != '"')
            return false;
        int at = 1;
        while (true)
        {
            int found = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (found < 0)
                return false;
            at += found;
            if (text[at] == '"')
            {
                quoted = text[1..at];
                rest = text[(at + 1)..];
                return true;
            }

            at += 2;
            if (at >= text.Length)
                return false;
        }
    }

    private static ReadOnlySpan<byte> OptionalQuoted(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> rest)
    {
        if (TryReadQuoted(text, out ReadOnlySpan<byte> quoted, out rest))
            return quoted;

        // The closing quote is missing: what there is, is the field.
        rest = default;
        return text.IsEmpty || text[0] != '"' ? default : text[1..];
    }
}
