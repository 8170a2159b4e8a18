using System.Globalization;
using System.Numerics;
using System.Text;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>
/// Values as text that keeps everything: what three independent readers (the product's two and the naive one) have to agree on, and what a vector's
/// required outcome is written in.
/// </summary>
internal static class Notation
{
    public const string Null = "null";
    public const string NullString = "null$";
    public const string NullArray = "null*";

    public static string Text(char type, ReadOnlySpan<byte> content) => $"{type}'{Escape(content)}'";

    public static string Verbatim(string format, ReadOnlySpan<byte> content) => $"={format}'{Escape(content)}'";

    public static string Integer(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Boolean(bool value) => value ? "true" : "false";

    public static string Double(double value) => "," + value.ToString("R", CultureInfo.InvariantCulture);

    public static string Big(BigInteger value) => "(" + value.ToString(CultureInfo.InvariantCulture);

    public static string Aggregate(char type, IEnumerable<string> items) => $"{type}[{string.Join(' ', items)}]";

    public static string WithAttributes(IReadOnlyList<string> attributes, string value) => attributes.Count == 0 ? value : Aggregate('|', attributes) + value;

    /// <summary>A frame: its value and the pushes that were lifted out of it.</summary>
    public static string Frame(string value, IReadOnlyList<string> pushes) => pushes.Count == 0 ? value : $"{value} lifted {string.Join(' ', pushes)}";

    public static string Escape(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte b in bytes)
            _ = b is >= 0x20 and < 0x7F and not (byte)'\\' and not (byte)'\'' ? text.Append((char)b) : text.Append(CultureInfo.InvariantCulture, $"\\{b:x2}");
        return text.ToString();
    }
}
