using System.Diagnostics;
using System.Globalization;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Diagnostics;

/// <summary>One command that somebody measures: a span, a duration, or both.</summary>
internal sealed class CommandObservation : SlotObserver
{
    private readonly ServerTags _tags;
    private readonly string _operation;
    private readonly string? _procedure;
    private readonly int _batchSize;
    private readonly SlotObserver? _next;
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Activity? _activity;

    /// <param name="procedure">The script or function; null: none, or it has no name.</param>
    /// <param name="batchSize">How many commands; 1 = no batch.</param>
    /// <param name="next">Who is told after this one.</param>
    private CommandObservation(ServerTags tags, string operation, string? procedure, int batchSize, SlotObserver? next)
    {
        _tags = tags;
        _operation = operation;
        _procedure = procedure;
        _batchSize = batchSize;
        _next = next;
        _activity = Start();
    }

    /// <summary>Begins to measure.</summary>
    /// <returns>Who is to be told of the end: <paramref name="next"/> alone when a listener throws, whose failure is not the command's.</returns>
    public static SlotObserver? TryBegin(ServerTags tags, string operation, string? procedure, int batchSize, SlotObserver? next)
    {
        try
        {
            return new CommandObservation(tags, operation, procedure, batchSize, next);
        }
        catch (Exception)
        {
            return next;
        }
    }

    /// <inheritdoc/>
    public override void OnEnded(Exception? failure)
    {
        double seconds = Stopwatch.GetElapsedTime(_began).TotalSeconds;
        string? error = failure is null ? null : ErrorType(failure);
        try
        {
            if (RespTelemetry.OperationDuration.Enabled)
            {
                TagList tags = default;
                _tags.AddTo(ref tags, _operation);
                if (_procedure is not null)
                    tags.Add("db.stored_procedure.name", _procedure);
                if (error is not null)
                    tags.Add("error.type", error);
                if (failure is RespServerException { Token: var token })
                    tags.Add("db.response.status_code", token);
                RespTelemetry.OperationDuration.Record(seconds, tags);
            }
        }
        catch (Exception)
        {
            // A listener's own failure is not the command's, nor the span's.
        }

        try
        {
            if (_activity is not null)
                End(_activity, failure, error);
        }
        catch (Exception)
        {
            // A listener's own failure is not the command's.
        }

        _next?.OnEnded(failure);
    }

    private Activity? Start()
    {
        // The span is the command's, not the caller's: what the caller does meanwhile is no child of it.
        Activity? current = Activity.Current;
        Activity? activity;
        try
        {
            activity = RespTelemetry.Source.StartActivity($"{_operation} {_tags.Target}", ActivityKind.Client);
        }
        finally
        {
            // A listener that throws leaves it current.
            if (!ReferenceEquals(Activity.Current, current))
                Activity.Current = current;
        }

        if (activity is null)
            return null;
        if (activity.IsAllDataRequested)
        {
            _tags.AddTo(activity, _operation);
            if (_procedure is not null)
                activity.SetTag("db.stored_procedure.name", _procedure);
            if (_batchSize > 1)
                activity.SetTag("db.operation.batch.size", _batchSize);
        }

        return activity;
    }

    private static void End(Activity activity, Exception? failure, string? error)
    {
        if (failure is not null)
        {
            activity.SetStatus(ActivityStatusCode.Error, failure.Message);
            activity.SetTag("error.type", error);
            if (failure is RespServerException { Token: var token })
                activity.SetTag("db.response.status_code", token);
        }

        // Stopping makes the span's parent the current one of this thread, whose business it is not.
        Activity? current = Activity.Current;
        try
        {
            activity.Stop();
        }
        finally
        {
            Activity.Current = current;
        }
    }

    private static string ErrorType(Exception failure) => failure switch
    {
        RespServerException server => server.Token,
        RespTimeoutException => "timeout",
        OperationCanceledException => "cancelled",
        _ => failure.GetType().FullName!,
    };
}

/// <summary>Where commands go, as the conventions spell it. Immutable.</summary>
internal sealed class ServerTags(RespClientOptions options)
{
    private readonly string _address = options.Endpoint.Host ?? options.Endpoint.UnixPath!;
    private readonly object? _port = options.Endpoint.Host is null ? null : options.Endpoint.Port;
    private readonly string _namespace = options.Database.ToString(CultureInfo.InvariantCulture);

    /// <summary>For the names of spans.</summary>
    public string Target { get; } = options.Endpoint.ToString();

    public void AddTo(ref TagList tags, string operation)
    {
        tags.Add("db.system.name", "redis");
        tags.Add("db.operation.name", operation);
        tags.Add("db.namespace", _namespace);
        tags.Add("server.address", _address);
        if (_port is not null)
            tags.Add("server.port", _port);
    }

    public void AddTo(Activity activity, string operation)
    {
        activity.SetTag("db.system.name", "redis");
        activity.SetTag("db.operation.name", operation);
        activity.SetTag("db.namespace", _namespace);
        activity.SetTag("server.address", _address);
        if (_port is not null)
            activity.SetTag("server.port", _port);
    }
}
