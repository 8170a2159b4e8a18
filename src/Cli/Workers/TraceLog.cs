using System.Globalization;
using System.Text.Json;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>
/// The record of a traced run, for those who check it: which process a worker is (<c>workers.txt</c>), which lines were acknowledged by a watermark
/// (<c>acknowledged.txt</c>), and every delivery of a session with the lines that it was made of (<c>deliveries.jsonl</c>). Not thread-safe.
/// </summary>
internal sealed class TraceLog : IDisposable
{
    private readonly StreamWriter _workers;
    private readonly StreamWriter _acknowledged;
    private readonly StreamWriter _deliveries;

    public TraceLog(string folder)
    {
        Directory.CreateDirectory(folder);
        _workers = Open("workers.txt");
        _acknowledged = Open("acknowledged.txt");
        _deliveries = Open("deliveries.jsonl");

        StreamWriter Open(string name) => new(Path.Combine(folder, name), append: false) { AutoFlush = false };
    }

    public void Worker(int number, int process)
    {
        _workers.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number} {process}"));
        _workers.Flush();
    }

    public void Acknowledged(long line) => _acknowledged.WriteLine(line);

    public void Delivered(int worker, CompletedVisit visit)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteNumber("worker", worker);
            json.WriteString("key", visit.Key);
            json.WriteString("idempotencyKey", visit.IdempotencyKey);
            json.WriteNumber("fencingToken", visit.FencingToken);
            json.WriteNumber("attempt", visit.Attempt);
            json.WriteNumber("hits", visit.Hits);
            json.WriteNumber("bytes", visit.Bytes);
            json.WriteStartArray("lines");
            foreach (long line in visit.Lines)
                json.WriteNumberValue(line);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        _deliveries.WriteLine(System.Text.Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length)));
    }

    public void Dispose()
    {
        _workers.Dispose();
        _acknowledged.Dispose();
        _deliveries.Dispose();
    }
}
