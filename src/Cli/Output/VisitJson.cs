using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Output;

/// <summary>A completed session as one line of JSON.</summary>
internal static class VisitJson
{
    // The output is a file, not a page: & and + stay readable. Control characters are escaped all the same.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly JsonEncodedText Key = JsonEncodedText.Encode("key");
    private static readonly JsonEncodedText Generation = JsonEncodedText.Encode("generation");
    private static readonly JsonEncodedText IdempotencyKey = JsonEncodedText.Encode("idempotencyKey");
    private static readonly JsonEncodedText FencingToken = JsonEncodedText.Encode("fencingToken");
    private static readonly JsonEncodedText Hits = JsonEncodedText.Encode("hits");
    private static readonly JsonEncodedText Bytes = JsonEncodedText.Encode("bytes");
    private static readonly JsonEncodedText Errors = JsonEncodedText.Encode("errors");
    private static readonly JsonEncodedText FirstSeen = JsonEncodedText.Encode("firstSeen");
    private static readonly JsonEncodedText LastSeen = JsonEncodedText.Encode("lastSeen");
    private static readonly JsonEncodedText LastPages = JsonEncodedText.Encode("lastPages");
    private static readonly JsonEncodedText DistinctPages = JsonEncodedText.Encode("distinctPages");
    private static readonly JsonEncodedText Reason = JsonEncodedText.Encode("reason");

    /// <summary>A writer to give to <see cref="Write"/> again and again.</summary>
    public static Utf8JsonWriter CreateWriter() => new(Stream.Null, Options);

    /// <summary>Appends the session and a line feed.</summary>
    public static void Write(CompletedVisit visit, Utf8JsonWriter json, IBufferWriter<byte> output)
    {
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString(Key, visit.Key);
        json.WriteNumber(Generation, visit.Generation);
        json.WriteString(IdempotencyKey, visit.IdempotencyKey);
        json.WriteNumber(FencingToken, visit.FencingToken);
        json.WriteNumber(Hits, visit.Hits);
        json.WriteNumber(Bytes, visit.Bytes);
        json.WriteNumber(Errors, visit.Errors);
        WriteTime(json, FirstSeen, visit.FirstSeen);
        WriteTime(json, LastSeen, visit.LastSeen);
        json.WriteStartArray(LastPages);
        foreach (string page in visit.LastPages)
            json.WriteStringValue(page);
        json.WriteEndArray();
        json.WriteNumber(DistinctPages, visit.DistinctPages);
        json.WriteString(Reason, ReasonText(visit.Reason));
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }

    /// <summary>The reason as it stands in the output.</summary>
    public static ReadOnlySpan<char> ReasonText(CompletionReason reason) => reason switch
    {
        CompletionReason.Idle => "idle",
        CompletionReason.HardDeadline => "hardDeadline",
        CompletionReason.Evicted => "evicted",
        CompletionReason.Expired => "expired",
        CompletionReason.Forced => "forced",
        CompletionReason.Shutdown => "shutdown",
        CompletionReason.Recovered => "recovered",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a completion reason."),
    };

    private static void WriteTime(Utf8JsonWriter json, JsonEncodedText name, DateTimeOffset time)
    {
        Span<char> text = stackalloc char[32];
        string format = time.UtcTicks % TimeSpan.TicksPerSecond == 0 ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'";
        time.UtcDateTime.TryFormat(text, out int length, format, CultureInfo.InvariantCulture);
        json.WriteString(name, text[..length]);
    }
}
