const ws = new WebSocket('ws://localhost:8000/api/v1/ws/my_client_id');

// 提交工作流
ws.send(JSON.stringify({
  type: 'submit',
  data: {
    workflow: { /* 工作流 JSON */ }
  }
}));

// 接收消息
ws.onmessage = (event) => {
  const message = JSON.parse(event.data);

  switch(message.type) {
    case 'status':
      console.log('队列状态:', message.data);
      break;
    case 'progress':
      console.log('进度:', message.data.value, '/', message.data.max);
      break;
    case 'executing':
      console.log('正在执行节点:', message.data.node);
      break;
    case 'executed':
      console.log('节点执行完成:', message.data.node);
      break;
    case 'result':
      console.log('工作流完成:', message.data);
      break;
    case 'execution_error':
      console.error('执行错误:', message.data);
      break;
  }
};
