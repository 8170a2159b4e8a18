using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Coordination.Redis;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// What a merge costs the server, printed and not judged: times on a shared machine prove nothing. What it does prove is that so many merges in one
/// call come out right.
/// </summary>
public sealed class RecordMergeCostTests(RecordMergeServer server) : IClassFixture<RecordMergeServer>
{
    private const int RecordsPerCall = 50;
    private const int Calls = 2000;
    private const int FieldCalls = 40;

    // The stored records come with the call, so that nothing but the merger is measured; the call without merges is what it costs to get there.
    private const string Merges = """
        local schema = read_schema(ARGV[1])
        local sizes = 0
        for i = 2, #ARGV, 2 do
          local status, small = merge_record(schema, ARGV[i], '', ARGV[i + 1])
          sizes = sizes + #small
        end
        return sizes
        """;

    // One pair of records, merged over and over: what large fields cost does not depend on the call.
    private const string SameMerge = """
        local schema, status, small, large = read_schema(ARGV[1])
        for i = 1, 50 do status, small, large = merge_record(schema, ARGV[2], ARGV[3], ARGV[4]) end
        return status == 0 and #small + #large
        """;

    private const string NoMerges = """
        local sizes = 0
        for i = 2, #ARGV, 2 do sizes = sizes + #ARGV[i] end
        return sizes
        """;

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public async Task The_time_of_the_server_per_merged_record_is_printed(int sums)
    {
        AggregateSchema schema = new("a", [.. Enumerable.Range(0, sums).Select(static i => new FieldSchema($"F{i}", "sum.i64"))]);
        byte[][] records = [.. Enumerable.Range(1, RecordsPerCall * 2).Select(seed => Record(sums, seed))];
        double merging = await MicrosecondsPerRecordAsync(new Script(RecordMergeServer.WithMerger(Merges)), schema, records);
        double calling = await MicrosecondsPerRecordAsync(new Script(NoMerges), schema, records);

        TestContext.Current.TestOutputHelper?.WriteLine(
            FormattableString.Invariant($"{sums} sums, {RecordsPerCall} records a call: {merging:F2} us of the server per merged record, {calling:F2} us of them for the call's arguments alone"));
    }

    [Theory]
    [InlineData("window.utf8", 10, 10, 3)]
    [InlineData("window.utf8", 1000, 1000, 10)]
    [InlineData("average.i64", 0, 1, 1)]
    [InlineData("last.utf8", 1, 1, 1)]
    [InlineData("set.utf8", 10, 10, 3)]
    [InlineData("set.utf8", 100, 100, 10)]
    [InlineData("set.utf8", 1000, 1000, 10)]
    [InlineData("map.utf8.sum.i64", 10, 10, 3)]
    [InlineData("map.utf8.sum.i64", 100, 100, 10)]
    [InlineData("map.utf8.sum.i64", 1000, 1000, 10)]
    [InlineData("map.utf8.window.utf8", 10, 10, 4, 10)]
    [InlineData("map.utf8.window.utf8", 100, 100, 10, 10)]
    [InlineData("map.utf8.window.utf8", 1000, 1000, 10, 10)]
    [InlineData("histogram", 6, 10, 3)]
    [InlineData("histogram", 6, 100, 10)]
    [InlineData("histogram", 6, 1000, 10)]
    public async Task The_time_of_the_server_per_merged_field_is_printed(string kind, int parameter, int stored, int added, int valueParameter = 0)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter, valueParameter));
        Script script = new(RecordMergeServer.WithMerger(SameMerge));
        byte[] record = Field(kind, parameter, valueParameter, 0, stored), delta = Field(kind, parameter, valueParameter, stored - (added / 2), added);
        bool isLarge = SchemaDescriptor.IsLarge(schema.Fields[0]);
        await server.Client.LoadAsync(script, cancellationToken: cancellationToken);
        await server.Client.Command("CONFIG").Write("RESETSTAT").ExecuteAsync(cancellationToken: cancellationToken);
        for (int call = 0; call < FieldCalls; call++)
        {
            long length = await server.Client.Command(script, 0).Write(SchemaDescriptor.For(schema)).Write(isLarge ? [] : record).Write(isLarge ? record : []).Write(delta).ToInt64Async(cancellationToken: cancellationToken);
            Assert.InRange(length, Math.Min(record.Length, delta.Length), record.Length + delta.Length);
        }

        (double microseconds, long calls) = await server.ScriptTimeAsync(cancellationToken);
        Assert.Equal(FieldCalls, calls);
        TestContext.Current.TestOutputHelper?.WriteLine(
            FormattableString.Invariant($"{kind} {parameter}, {stored} stored ({record.Length} bytes), {added} merged in: {microseconds / FieldCalls / 50:F1} us of the server"));
    }

    private static byte[] Field(string kind, int parameter, int valueParameter, int from, int count)
    {
        ArrayBufferWriter<byte> output = new();
        WindowState<string, StringElement> window = default;
        FirstOrLastState<string, StringElement, LatestFirst> last = default;
        AverageState average = default;
        SetState<string, StringElement> set = default;
        MapState<string, StringElement, SumState<long>, long, long> map = default;
        MapState<string, StringElement, WindowState<string, StringElement>, Stamped<string>, WindowView<string>> windows = default;
        HistogramState histogram = default;
        for (int i = from; i < from + count; i++)
        {
            long sequence = i;
            MergeContext context = new(i, 1, ref sequence);
            window.Merge($"/page/{i}", Math.Max(1, parameter), context);
            last.Merge($"/page/{i}", context);
            average.Merge(i);
            set.Merge($"/page/{i}", Math.Max(1, parameter));
            map.Merge($"/page/{i}", 1000 + i, Math.Max(1, parameter), 0, context);
            for (int j = 0; j < valueParameter; j++)
                windows.Merge($"/page/{i}", $"/page/{j}", parameter, valueParameter, context);
            histogram.Merge(Math.ScaleB(1 + (i % 64 / 64.0), i / 64), 6);
        }

        switch (kind.Split('.')[0])
        {
            case "window":
                window.Write(0, output);
                break;
            case "last":
                last.Write(0, output);
                break;
            case "average":
                average.Write(0, output);
                break;
            case "set":
                set.Write(0, output);
                break;
            case "map" when valueParameter != 0:
                windows.Write(0, output);
                break;
            case "map":
                map.Write(0, output);
                break;
            default:
                histogram.Write(0, output);
                break;
        }

        return output.WrittenSpan.ToArray();
    }

    private static byte[] Record(int sums, int seed)
    {
        byte[] record = new byte[sums * 10];
        for (int i = 0; i < sums; i++)
        {
            record[10 * i] = (byte)i;
            record[(10 * i) + 1] = sizeof(long);
            BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan((10 * i) + 2), seed * 1000L * (i + 1));
        }

        return record;
    }

    private async Task<double> MicrosecondsPerRecordAsync(Script script, AggregateSchema schema, byte[][] records)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        byte[] descriptor = SchemaDescriptor.For(schema);
        await server.Client.LoadAsync(script, cancellationToken: cancellationToken);
        await server.Client.Command("CONFIG").Write("RESETSTAT").ExecuteAsync(cancellationToken: cancellationToken);
        for (int call = 0; call < Calls; call++)
            Assert.Equal(RecordsPerCall * 10 * schema.Fields.Length, await CallAsync(script, descriptor, records, cancellationToken));
        (double microseconds, long calls) = await server.ScriptTimeAsync(cancellationToken);
        Assert.Equal(Calls, calls);
        return microseconds / Calls / RecordsPerCall;
    }

    private ValueTask<long> CallAsync(Script script, byte[] descriptor, byte[][] records, CancellationToken cancellationToken)
    {
        RespCommand command = server.Client.Command(script, 0);
        command.Write(descriptor);
        foreach (byte[] record in records)
            command.Write(record);
        return command.ToInt64Async(cancellationToken: cancellationToken);
    }
}
