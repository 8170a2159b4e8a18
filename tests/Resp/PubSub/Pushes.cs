using System.Globalization;
using System.Text;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>What a server sends to a subscriber, in both dialects.</summary>
internal static class Pushes
{
    public const string Pong = "+PONG\r\n";

    /// <summary>A push of these words.</summary>
    public static string Push(params string[] words) => List('>', words);

    /// <summary>The same as a RESP2 server says it.</summary>
    public static string Array(params string[] words) => List('*', words);

    /// <summary>A confirmation with a count that means nothing.</summary>
    public static string Confirm(string verb, string name, int count = 7) =>
        string.Create(CultureInfo.InvariantCulture, $">3\r\n{Bulk(verb)}{Bulk(name)}:{count}\r\n");

    private static string List(char prefix, string[] words) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}{words.Length}\r\n{string.Concat(words.Select(Bulk))}");

    private static string Bulk(string word) => string.Create(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
}
