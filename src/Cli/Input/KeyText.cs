using System.Buffers.Text;
using System.Text;
using Sluice.Aggregates;
using Sluice.Hashing;

namespace Sluice.Cli.Input;

/// <summary>Makes a logged value fit to be a key: UTF-8 of at most <see cref="KeyCodec.MaxBytes"/> bytes.</summary>
/// <remarks>
/// Nearly every value is one as it is. Bytes that are not UTF-8 are escaped as in <see cref="LogText"/>; a longer value keeps its beginning and gets
/// the hash of the whole, so that long paths with a common beginning stay apart.
/// </remarks>
internal static class KeyText
{
    private const int HashDigits = 16;

    /// <summary>Gives the key's bytes: the value itself, or what was made of it in <paramref name="scratch"/>.</summary>
    /// <param name="value">As logged, not empty.</param>
    /// <param name="scratch">At least <see cref="KeyCodec.MaxBytes"/> long.</param>
    public static ReadOnlySpan<byte> Fit(ReadOnlySpan<byte> value, Span<byte> scratch)
    {
        bool isPlain = LogText.IsPlain(value);
        if (isPlain && value.Length <= KeyCodec.MaxBytes)
            return value;
        ReadOnlySpan<byte> text = isPlain ? value : Encoding.UTF8.GetBytes(LogText.Of(value));
        if (text.Length <= KeyCodec.MaxBytes)
        {
            text.CopyTo(scratch);
            return scratch[..text.Length];
        }

        ReadOnlySpan<byte> ellipsis = "…"u8;
        int kept = KeyCodec.MaxBytes - HashDigits - ellipsis.Length;

        // Not in the middle of a character: continuation bytes are 10xxxxxx.
        while ((text[kept] & 0xC0) == 0x80)
            kept--;
        text[..kept].CopyTo(scratch);
        ellipsis.CopyTo(scratch[kept..]);
        Utf8Formatter.TryFormat(XxHash64.Hash(text), scratch[(kept + ellipsis.Length)..], out int digits, new System.Buffers.StandardFormat('x', HashDigits));
        return scratch[..(kept + ellipsis.Length + digits)];
    }
}
