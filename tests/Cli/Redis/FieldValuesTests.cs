using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Sluice.Cli.Redis;
using Xunit;

namespace Sluice.Cli.Tests.Redis;

/// <summary>Records are shown without the application's types. Prevents: units shown as values, and bytes where a person looks for an answer.</summary>
public sealed class FieldValuesTests
{
    private static readonly AggregateSchema Schema = new(
        "order",
        new("Revenue", "sum.dec", 2),
        new("Energy", "sum.f64"),
        new("Price", "average.dec", 2),
        new("Status", "last.utf8", 1),
        new("Login", "first.time", 1),
        new("Dearest", "score.i64", 3),
        new("Path", "list.last.utf8", 3),
        new("Entry", "list.first.utf8", 3),
        new("Countries", "set.utf8", 3),
        new("Bytes", "map.utf8.sum.i64", 3),
        new("Longest", "map.i64.max.span", 3),
        new("Latency", "histogram", 6),
        new("Spent", "map.utf8.sum.dec", 3, 2),
        new("Pages", "map.utf8.window.utf8", 3, 4),
        new("Settings", "opaque", 1));

    [Fact]
    public void Every_kind_of_field_is_shown_as_a_value()
    {
        Assert.Equal(
            [
                ("Revenue", "12.34"), ("Energy", "1.5"), ("Price", "2.5"), ("Status", "paid"), ("Login", "2026-03-01T12:00:00Z"), ("Dearest", "[8, 7]"), ("Path", "[a, b]"), ("Entry", "[a, b]"),
                ("Countries", "[de]"), ("Bytes", "[200: 5]"), ("Longest", "[404: 00:00:02]"), ("Latency", "1 contributions, median 1.0078125, 99 % 1.0078125"),
                ("Spent", "[ada: 19.9]"), ("Pages", "[ada: [b, a]]"),
                ("Settings", "4 deltas [19 B {\"theme\":  \"dark\" }, 3 B 0x00FF10, 0 B, 1 more]"),
            ],
            FieldValues.Texts(Schema, Record()));
    }

    [Fact]
    public void Numbers_are_numbers_in_json()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
            FieldValues.Write(json, Schema, Record());

        string text = Encoding.UTF8.GetString(stream.ToArray());
        Assert.StartsWith("""{"Revenue":12.34,"Energy":1.5,"Price":2.5,"Status":"paid",""", text, StringComparison.Ordinal);
        Assert.Contains("\"Dearest\":[8,7]", text, StringComparison.Ordinal);
        Assert.Contains("{\"engine\":\"0000000000000007\",\"sequence\":1,\"bytes\":3,\"hex\":\"00FF10\"}", text, StringComparison.Ordinal);
        Assert.Contains("\"bytes\":19,\"text\":\"{\\u0022theme", text, StringComparison.Ordinal);
        Assert.Contains($"\"hex\":\"{new string('0', 400)}\"", text, StringComparison.Ordinal);
    }

    private static byte[] Record()
    {
        ArrayBufferWriter<byte> output = new();
        long sequence = 0;
        MergeContext context = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).UtcTicks, 1, ref sequence);
        FixedPointSumState revenue = default;
        revenue.Merge(12.34m, 2);
        revenue.Write(0, output);
        DoubleSumState energy = default;
        energy.Merge(1.5);
        energy.Write(1, output);
        AverageState price = default;
        price.Merge(2m, 2);
        price.Merge(3m, 2);
        price.Write(2, output);
        FirstOrLastState<string, StringElement, LatestFirst> status = default;
        status.Merge("open", context);
        status.Merge("paid", context);
        status.Write(3, output);
        FirstOrLastState<DateTimeOffset, InstantElement, EarliestFirst> login = default;
        login.Merge(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), context);
        login.Write(4, output);
        ScoredState<long, Int64Element> dearest = default;
        dearest.Merge(new Scored<long>(7, 1), 3, context);
        dearest.Merge(new Scored<long>(8, 2), 3, context);
        dearest.Write(5, output);
        ListState<string, StringElement, LatestFirst> path = default;
        path.Merge("a", 3, context);
        path.Merge("b", 3, context);
        path.Write(6, output);
        ListState<string, StringElement, EarliestFirst> entry = default;
        entry.Merge("a", 3, context);
        entry.Merge("b", 3, context);
        entry.Write(7, output);
        SetState<string, StringElement> countries = default;
        countries.Merge("de", 3);
        countries.Write(8, output);
        MapState<string, StringElement, SumState<long>, long, long> bytes = default;
        bytes.Merge("200", 5, 3, 0, context);
        bytes.Write(9, output);
        MapState<long, Int64Element, MaxState<TimeSpan, DurationOrdinal>, TimeSpan, TimeSpan> longest = default;
        longest.Merge(404, TimeSpan.FromSeconds(2), 3, 0, context);
        longest.Write(10, output);
        HistogramState latency = default;
        latency.Merge(1.0, 6);
        latency.Write(11, output);
        MapState<string, StringElement, FixedPointSumState, decimal, decimal> spent = default;
        spent.Merge("ada", 19.90m, 3, 2, context);
        spent.Write(12, output);
        MapState<string, StringElement, WindowState<string, StringElement>, Stamped<string>, WindowView<string>> pages = default;
        pages.Merge("ada", "a", 3, 4, context);
        pages.Merge("ada", "b", 3, 4, context);
        pages.Write(13, output);
        byte[][] states = ["{\"theme\":\n \"dark\" }"u8.ToArray(), [0, 255, 16], [], new byte[200]];
        Span<byte> settings = FieldFrame.Append(output, 14, states.Sum(static state => OpaquePayload.SizeOf(state.Length)));
        for (int i = 0; i < states.Length; i++)
            settings = OpaquePayload.Write(settings, new OpaqueItem(7, i, states[i]));
        return output.WrittenSpan.ToArray();
    }
}
