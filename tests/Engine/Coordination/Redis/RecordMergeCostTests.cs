using System.Buffers.Binary;
using Sluice.Aggregates;
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
