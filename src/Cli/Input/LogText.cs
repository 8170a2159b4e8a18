using System.Text;
using System.Text.Unicode;

namespace Sluice.Cli.Input;

/// <summary>
/// Text out of logged bytes. Bytes that are not UTF-8 become <c>\xHH</c>, which is how web servers themselves log them; replacing them with one
/// and the same mark would make two different keys one.
/// </summary>
internal static class LogText
{
    /// <summary>True when the bytes can be taken as they are.</summary>
    public static bool IsPlain(ReadOnlySpan<byte> bytes) => Utf8.IsValid(bytes);

    /// <summary>The text of the bytes.</summary>
    public static string Of(ReadOnlySpan<byte> bytes) => IsPlain(bytes) ? Encoding.UTF8.GetString(bytes) : Escape(bytes);

    /// <summary>The text of at most <paramref name="maxBytes"/>, fit for a terminal: control characters are escaped too.</summary>
    public static string Excerpt(ReadOnlySpan<byte> bytes, int maxBytes)
    {
        StringBuilder text = new();
        foreach (char c in Of(bytes.Length > maxBytes ? bytes[..maxBytes] : bytes))
        {
            if (char.IsControl(c) || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.Format)
                text.Append("\\x").Append(((int)c).ToString("X2", null));
            else
                text.Append(c);
        }

        return bytes.Length > maxBytes ? text.Append('…').ToString() : text.ToString();
    }

    private static string Escape(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length + 16);
        while (!bytes.IsEmpty)
        {
            System.Buffers.OperationStatus status = Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed);
            if (status == System.Buffers.OperationStatus.Done)
                text.Append(rune.ToString());
            else
                foreach (byte invalid in bytes[..consumed])
                    text.Append("\\x").Append(invalid.ToString("X2", null));
            bytes = bytes[consumed..];
        }

        return text.ToString();
    }
}
